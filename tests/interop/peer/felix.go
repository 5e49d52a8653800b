package main

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/golang/snappy"
)

// felix is a client as calico-node has one.
type felix struct {
	generation generation
	connection net.Conn
	encoder    *gob.Encoder
	decoder    *gob.Decoder
	report     *report
	wanted     int // updates to receive before leaving
	received   int
	inSync     bool
}

// run talks to the server until everything wanted has come and the server has said "in sync".
func (f *felix) run(syncer string, refuseRestart bool) error {
	f.encoder = gob.NewEncoder(f.connection)
	f.decoder = gob.NewDecoder(f.connection)
	if err := f.send(f.hello(syncer, refuseRestart)); err != nil {
		return err
	}
	for !f.inSync || f.received < f.wanted {
		if err := f.connection.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			return err
		}
		var next envelope
		if err := f.decoder.Decode(&next); err != nil {
			if errors.Is(err, io.EOF) {
				return errors.New("the server closed the connection")
			}
			return err
		}
		if err := f.handle(next.Message); err != nil {
			return err
		}
	}
	return nil
}

func (f *felix) send(message any) error {
	return f.encoder.Encode(envelope{message})
}

func (f *felix) hello(syncer string, refuseRestart bool) any {
	restarts := !refuseRestart
	var algorithms []string
	if restarts {
		algorithms = []string{"snappy"}
	}
	version := f.generation.version
	switch f.generation.clientHello.(type) {
	case clientHelloV38:
		return clientHelloV38{"go-host", "go-info", version, syncer}
	case clientHelloV325:
		return clientHelloV325{"go-host", "go-info", version, syncer, restarts, algorithms, 7}
	default:
		return clientHelloV332{"go-host", "go-info", version, syncer, restarts, algorithms, true, 7}
	}
}

func (f *felix) handle(message any) error {
	switch m := message.(type) {
	case serverHelloV38:
		f.report.line("hello", "version", m.Version, "syncer", m.SyncerType)
	case serverHelloV39:
		f.report.line("hello", "version", m.Version, "syncer", m.SyncerType)
	case serverHelloV325:
		f.report.line("hello", "version", m.Version, "syncer", m.SyncerType, "conn_id", m.ServerConnID)
	case decoderRestart:
		return f.restart(m)
	case syncStatus:
		f.inSync = m.SyncStatus == 2
		f.report.line("status", "status", m.SyncStatus)
	case ping:
		f.report.line("ping", "nanoseconds", m.Timestamp.UnixNano())
		return f.send(pong{PingTimestamp: m.Timestamp})
	case kvsV38:
		for _, u := range m.KVs {
			f.update(updateV317{u.Key, u.Value, u.Revision, "", u.TTL, u.UpdateType})
		}
	case kvsV317:
		for _, u := range m.KVs {
			f.update(u)
		}
	default:
		return fmt.Errorf("unexpected %T", message)
	}
	return nil
}

// restart replaces the decoder and says so, on the stream to the server, which goes on unchanged.
func (f *felix) restart(m decoderRestart) error {
	f.report.line("restart", "algorithm", m.CompressionAlgorithm, "message", m.Message)
	switch m.CompressionAlgorithm {
	case "snappy":
		f.decoder = gob.NewDecoder(snappy.NewReader(f.connection))
	case "":
		f.decoder = gob.NewDecoder(f.connection)
	default:
		return fmt.Errorf("unknown compression %q", m.CompressionAlgorithm)
	}
	return f.send(ack{})
}

func (f *felix) update(u updateV317) {
	f.received++
	f.report.line(
		"kv", "key", u.Key, "raw", u.Value, "revision", u.Revision,
		"v3_resource_version", u.V3ResourceVersion, "ttl", int64(u.TTL), "update_type", u.UpdateType,
	)
}
