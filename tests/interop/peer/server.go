package main

import (
	"bufio"
	"encoding/gob"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/golang/snappy"
)

const (
	snapshotBatch = 1000
	deltaBatch    = 100
)

// server is a Typha that serves one client: a snapshot, updates, a ping.
type server struct {
	generation generation
	connection net.Conn
	writer     io.Writer
	flush      func() error
	encoder    *gob.Encoder
	decoder    *gob.Decoder
	report     *report
}

// run serves the client of this connection until it leaves.
func (s *server) run(snapshot, deltas int) error {
	s.decoder = gob.NewDecoder(s.connection)
	s.plain()
	hello, err := s.receive()
	if err != nil {
		return err
	}
	if err := s.greet(hello); err != nil {
		return err
	}
	if wantsRestart(hello) && s.generation.restarts {
		if err := s.restart("enable compression: snappy;send binary snapshot"); err != nil {
			return err
		}
		if err := s.updates(0, snapshot, snapshotBatch); err != nil {
			return err
		}
		if err := s.restart("End of compressed snapshot."); err != nil {
			return err
		}
	} else if err := s.updates(0, snapshot, deltaBatch); err != nil {
		return err
	}
	if err := s.send(syncStatus{2}); err != nil {
		return err
	}
	if err := s.updates(snapshot, deltas, deltaBatch); err != nil {
		return err
	}
	return s.pingUntilEOF()
}

func (s *server) greet(hello any) error {
	var syncer string
	switch h := hello.(type) {
	case clientHelloV38:
		syncer = h.SyncerType
	case clientHelloV325:
		syncer = h.SyncerType
	case clientHelloV332:
		if !h.SupportsModernPolicyKeys {
			return fmt.Errorf("refused: %+v", h)
		}
		syncer = h.SyncerType
	default:
		return fmt.Errorf("%T instead of a hello", hello)
	}
	s.report.line("hello", "fields", hello)
	switch s.generation.serverHello.(type) {
	case serverHelloV38:
		return s.send(serverHelloV38{s.generation.version, syncer})
	case serverHelloV39:
		return s.send(serverHelloV39{s.generation.version, syncer, true})
	default:
		return s.send(serverHelloV325{s.generation.version, syncer, true, 9})
	}
}

func wantsRestart(hello any) bool {
	switch h := hello.(type) {
	case clientHelloV325:
		return h.SupportsDecoderRestart && len(h.SupportedCompressionAlgorithms) > 0
	case clientHelloV332:
		return h.SupportsDecoderRestart && len(h.SupportedCompressionAlgorithms) > 0
	}
	return false
}

// plain starts an uncompressed stream of unbuffered messages.
func (s *server) plain() {
	s.encoder = gob.NewEncoder(s.connection)
	s.flush = func() error { return nil }
}

// restart ends the stream, waits for the client to be ready, and starts one in snappy.
func (s *server) restart(why string) error {
	if err := s.send(decoderRestart{why, "snappy"}); err != nil {
		return err
	}
	answer, err := s.receive()
	if err != nil {
		return err
	}
	if _, isAck := answer.(ack); !isAck {
		return fmt.Errorf("%T instead of an ACK", answer)
	}
	s.report.line("ack")
	framed := snappy.NewBufferedWriter(s.connection)
	buffered := bufio.NewWriter(framed)
	s.encoder = gob.NewEncoder(buffered)
	s.flush = func() error {
		if err := buffered.Flush(); err != nil {
			return err
		}
		return framed.Flush()
	}
	return nil
}

func (s *server) send(message any) error {
	if err := s.encoder.Encode(envelope{message}); err != nil {
		return err
	}
	return s.flush()
}

func (s *server) receive() (any, error) {
	if err := s.connection.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	var next envelope
	err := s.decoder.Decode(&next)
	return next.Message, err
}

// updates sends count updates, of which every fifth is a deletion behind the snapshot.
func (s *server) updates(first, count, batch int) error {
	for start := first; start < first+count; start += batch {
		var updates []updateV317
		for n := start; n < min(start+batch, first+count); n++ {
			updates = append(updates, numbered(n, first > 0))
		}
		if err := s.send(s.kvs(updates)); err != nil {
			return err
		}
	}
	return nil
}

// numbered returns the nth update, the same that the test expects.
func numbered(n int, behindSnapshot bool) updateV317 {
	update := updateV317{
		Key:        fmt.Sprintf("/calico/v1/config/key-%d", n),
		Value:      []byte(fmt.Sprintf("value of key %d", n)),
		Revision:   fmt.Sprint(1000 + n),
		UpdateType: 1,
	}
	if n%3 == 0 {
		update.V3ResourceVersion = fmt.Sprint(n)
	}
	if behindSnapshot && n%5 == 0 {
		update.Value, update.UpdateType = nil, 3
	}
	return update
}

// kvs returns the message that carries updates in this generation.
func (s *server) kvs(updates []updateV317) any {
	if _, old := s.generation.kvs.(kvsV38); !old {
		return kvsV317{updates}
	}
	var message kvsV38
	for _, u := range updates {
		message.KVs = append(message.KVs, updateV38{u.Key, u.Value, u.Revision, u.TTL, u.UpdateType})
	}
	return message
}

// pingUntilEOF sends one ping, reports the pong, and waits for the client to leave.
func (s *server) pingUntilEOF() error {
	if err := s.send(ping{time.Now()}); err != nil {
		return err
	}
	for {
		message, err := s.receive()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		answer, isPong := message.(pong)
		if !isPong {
			return fmt.Errorf("%T instead of a pong", message)
		}
		late := time.Since(answer.PingTimestamp)
		s.report.line("pong", "plausible", late >= 0 && late < 30*time.Second)
	}
}
