package main

import (
	"encoding/gob"
	"fmt"
	"time"
)

// envelope is the one top-level type of every stream.
type envelope struct {
	Message any
}

// registeredPrefix is the package path that the messages had when the protocol was born.
const registeredPrefix = "github.com/projectcalico/typha/pkg/syncproto."

// Hellos as each generation of clients spelt them: gob matches fields by name, and an older
// client simply does not have the newer ones.
type (
	clientHelloV38 struct {
		Hostname, Info, Version, SyncerType string
	}
	clientHelloV325 struct {
		Hostname, Info, Version, SyncerType string
		SupportsDecoderRestart              bool
		SupportedCompressionAlgorithms      []string
		ClientConnID                        uint64
	}
	clientHelloV332 struct {
		Hostname, Info, Version, SyncerType string
		SupportsDecoderRestart              bool
		SupportedCompressionAlgorithms      []string
		SupportsModernPolicyKeys            bool
		ClientConnID                        uint64
	}
)

type (
	serverHelloV38 struct {
		Version, SyncerType string
	}
	serverHelloV39 struct {
		Version, SyncerType         string
		SupportsNodeResourceUpdates bool
	}
	serverHelloV325 struct {
		Version, SyncerType         string
		SupportsNodeResourceUpdates bool
		ServerConnID                uint64
	}
)

type decoderRestart struct {
	Message, CompressionAlgorithm string
}

type (
	ack        struct{}
	syncStatus struct{ SyncStatus uint8 }
	ping       struct{ Timestamp time.Time }
	pong       struct{ PingTimestamp, PongTimestamp time.Time }
)

// Updates with and without the resource version that came with v3.17.
type (
	updateV38 struct {
		Key        string
		Value      []byte
		Revision   any
		TTL        time.Duration
		UpdateType uint8
	}
	updateV317 struct {
		Key               string
		Value             []byte
		Revision          any
		V3ResourceVersion string
		TTL               time.Duration
		UpdateType        uint8
	}
	kvsV38  struct{ KVs []updateV38 }
	kvsV317 struct{ KVs []updateV317 }
)

// generation says what a release of server or client knows of the protocol.
type generation struct {
	version     string
	clientHello any
	serverHello any
	kvs         any
	restarts    bool
	modernKeys  bool
}

var generations = map[string]generation{
	"v3.8":  {"v3.8.9", clientHelloV38{}, serverHelloV38{}, kvsV38{}, false, false},
	"v3.24": {"v3.24.6", clientHelloV38{}, serverHelloV39{}, kvsV317{}, false, false},
	"v3.28": {"v3.28.5", clientHelloV325{}, serverHelloV325{}, kvsV317{}, true, false},
	"v3.32": {"v3.32.1", clientHelloV332{}, serverHelloV325{}, kvsV317{}, true, true},
}

// register makes the messages of one generation known to gob, which has one registry a process.
func register(name string) (generation, error) {
	known, found := generations[name]
	if !found {
		return known, fmt.Errorf("no generation %q", name)
	}
	messages := map[string]any{
		"MsgClientHello": known.clientHello,
		"MsgServerHello": known.serverHello,
		"MsgSyncStatus":  syncStatus{},
		"MsgPing":        ping{},
		"MsgPong":        pong{},
		"MsgKVs":         known.kvs,
	}
	if known.restarts {
		messages["MsgDecoderRestart"] = decoderRestart{}
		messages["MsgACK"] = ack{}
	}
	for name, message := range messages {
		gob.RegisterName(registeredPrefix+name, message)
	}
	return known, nil
}
