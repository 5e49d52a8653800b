package main

import (
	"bufio"
	"encoding/json"
	"os"
)

// report prints what happens as JSON objects, one a line.
type report struct {
	buffer  *bufio.Writer
	encoder *json.Encoder
}

func newReport() *report {
	buffer := bufio.NewWriterSize(os.Stdout, 1<<16)
	return &report{buffer, json.NewEncoder(buffer)}
}

// line prints an object of a type and further members; []byte become base64.  Runs of updates stay
// in the buffer until something else happens.
func (r *report) line(kind string, members ...any) {
	object := map[string]any{"type": kind}
	for i := 0; i < len(members); i += 2 {
		object[members[i].(string)] = members[i+1]
	}
	if err := r.encoder.Encode(object); err != nil {
		panic(err) // our own values can be encoded, and stdout is a pipe that the test reads
	}
	if kind != "kv" {
		r.flush()
	}
}

func (r *report) flush() {
	if err := r.buffer.Flush(); err != nil {
		panic(err)
	}
}
