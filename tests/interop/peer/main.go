// Command peer speaks Typha's protocol with Go's own encoding/gob, as a Felix of some generation
// or as a server for one client.  It prints what it learns as JSON lines and exits with 0 when it
// has seen everything that it waited for.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"time"
)

func main() {
	report := newReport()
	err := run(report)
	report.flush()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(report *report) error {
	var (
		role          = flag.String("role", "felix", "felix or server")
		name          = flag.String("generation", "v3.32", "v3.8, v3.24, v3.28 or v3.32")
		address       = flag.String("address", "", "felix: the server to connect to")
		syncer        = flag.String("syncer", "felix", "felix: the stream to ask for")
		refuseRestart = flag.Bool("refuse-restart", false, "felix: do not offer decoder restart")
		wanted        = flag.Int("updates", 0, "felix: leave when in sync, and after so many updates")
		snapshot      = flag.Int("snapshot", 0, "server: updates before in-sync")
		deltas        = flag.Int("deltas", 0, "server: updates behind in-sync")
		credentials   certificates
	)
	flag.StringVar(&credentials.ca, "ca", "", "file of the CA; TLS is used if it is given")
	flag.StringVar(&credentials.certificate, "cert", "", "file of our certificate")
	flag.StringVar(&credentials.key, "key", "", "file of its key")
	flag.StringVar(&credentials.peerName, "peer-cn", "", "common name that the peer must have")
	flag.Parse()

	generation, err := register(*name)
	if err != nil {
		return err
	}
	if *role == "server" {
		connection, err := accept(credentials, report)
		if err != nil {
			return err
		}
		defer connection.Close()
		s := server{generation: generation, connection: connection, report: report}
		return s.run(*snapshot, *deltas)
	}
	connection, err := dial(*address, credentials)
	if err != nil {
		return err
	}
	defer connection.Close()
	f := felix{generation: generation, connection: connection, report: report, wanted: *wanted}
	return f.run(*syncer, *refuseRestart)
}

// accept listens, says where, and returns the first connection.
func accept(credentials certificates, report *report) (net.Conn, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	report.line("listening", "port", listener.Addr().(*net.TCPAddr).Port)
	connection, err := listener.Accept()
	if err != nil || !credentials.given() {
		return connection, err
	}
	config, err := credentials.config(x509.ExtKeyUsageClientAuth)
	if err != nil {
		return nil, err
	}
	return tls.Server(connection, config), nil
}

func dial(address string, credentials certificates) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if !credentials.given() {
		return dialer.Dial("tcp", address)
	}
	config, err := credentials.config(x509.ExtKeyUsageServerAuth)
	if err != nil {
		return nil, err
	}
	return tls.DialWithDialer(dialer, "tcp", address, config)
}

// certificates names the files of one side of mutual TLS, and the name of the other.
type certificates struct {
	ca, certificate, key, peerName string
}

func (c certificates) given() bool {
	return c.ca != ""
}

// config checks the peer as Typha and Felix check each other: chain, purpose and common name, but
// no host name.
func (c certificates) config(purpose x509.ExtKeyUsage) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.certificate, c.key)
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(c.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("no certificate in " + c.ca)
	}
	verify := func(raw [][]byte, _ [][]*x509.Certificate) error {
		peer, err := x509.ParseCertificate(raw[0])
		if err != nil {
			return err
		}
		options := x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{purpose}}
		if _, err := peer.Verify(options); err != nil {
			return err
		}
		if peer.Subject.CommonName != c.peerName {
			return fmt.Errorf("the peer is %q, not %q", peer.Subject.CommonName, c.peerName)
		}
		return nil
	}
	return &tls.Config{
		Certificates:          []tls.Certificate{pair},
		MinVersion:            tls.VersionTLS12,
		InsecureSkipVerify:    true, // of the host name; verify does the rest
		ClientAuth:            tls.RequireAnyClientCert,
		VerifyPeerCertificate: verify,
	}, nil
}
