package main

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// A delayedListener simulates a network: data arrives half a round trip after it
// was sent, and a new connection takes one round trip to be established, as a TCP
// handshake does.
type delayedListener struct {
	net.Listener

	roundTrip time.Duration
	opened    *atomic.Int64 // number of connections
}

func (l delayedListener) Accept() (net.Conn, error) {
	client, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.opened.Add(1)
	server, network := net.Pipe()
	go func() {
		time.Sleep(l.roundTrip) // loopback established the connection at once
		go l.forward(client, network)
		l.forward(network, client)
	}()
	return server, nil
}

// forward copies data from src to dst with the delay of one direction, and then
// closes dst.
func (l delayedListener) forward(dst io.WriteCloser, src io.Reader) {
	type packet struct {
		data    []byte
		arrives time.Time
	}
	packets := make(chan packet, 64)
	go func() {
		defer close(packets)
		buffer := make([]byte, 16<<10)
		for {
			n, err := src.Read(buffer)
			packets <- packet{append([]byte(nil), buffer[:n]...), time.Now().Add(l.roundTrip / 2)}
			if err != nil {
				return
			}
		}
	}()
	defer dst.Close()
	for p := range packets {
		time.Sleep(time.Until(p.arrives))
		_, _ = dst.Write(p.data) // fails if dst has been closed; src is read to its end all the same
	}
}
