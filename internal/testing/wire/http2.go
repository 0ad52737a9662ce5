package wire

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
)

// An HTTP2 is a server that speaks HTTP/2 frame by frame. It takes the next of its
// steps for each complete request. For further requests it repeats the last step.
type HTTP2 struct {
	URL string

	mu    sync.Mutex
	steps []StreamStep
	seen  int
}

// A StreamStep does something to a stream whose request has been read.
type StreamStep func(conn net.Conn, stream uint32)

// The types and flags of frames that the server knows, see RFC 9113.
const (
	frameData      = 0x0
	frameHeaders   = 0x1
	frameRSTStream = 0x3
	frameSettings  = 0x4
	framePing      = 0x6
	frameGoAway    = 0x7

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4

	protocolError = 0x1
	refusedStream = 0x7
)

const status200 = "\x88" // an entry of the static table of HPACK

// RespondHTTP2 responds with status 200 and a body.
func RespondHTTP2(body string) StreamStep {
	return func(conn net.Conn, stream uint32) {
		writeFrame(conn, frameHeaders, flagEndHeaders, stream, []byte(status200))
		writeFrame(conn, frameData, flagEndStream, stream, []byte(body))
	}
}

// RefuseStream resets the stream with REFUSED_STREAM.
func RefuseStream(conn net.Conn, stream uint32) { resetStream(conn, stream, refusedStream) }

// RefuseStreamLate resets the stream with REFUSED_STREAM after the headers and a
// part of the body.
func RefuseStreamLate(conn net.Conn, stream uint32) {
	writeFrame(conn, frameHeaders, flagEndHeaders, stream, []byte(status200))
	writeFrame(conn, frameData, 0, stream, []byte(`{"id":`))
	RefuseStream(conn, stream)
}

// BreakProtocol resets the stream with PROTOCOL_ERROR.
func BreakProtocol(conn net.Conn, stream uint32) { resetStream(conn, stream, protocolError) }

func resetStream(conn net.Conn, stream, code uint32) {
	writeFrame(conn, frameRSTStream, 0, stream, binary.BigEndian.AppendUint32(nil, code))
}

// GoAway announces a graceful shutdown. If processed is false, the frame excludes
// the request: the server has not processed it.
func GoAway(processed bool) StreamStep {
	return func(conn net.Conn, stream uint32) {
		last := uint32(0)
		if processed {
			last = stream
		}
		writeFrame(conn, frameGoAway, 0, 0, binary.BigEndian.AppendUint64(nil, uint64(last)<<32))
		if processed {
			_ = conn.Close()
		}
	}
}

// ServeHTTP2 serves HTTP/2 under a certificate until the test ends.
func ServeHTTP2(t *testing.T, certificate tls.Certificate, steps ...StreamStep) *HTTP2 {
	t.Helper()
	listener := tls.NewListener(listen(t), &tls.Config{
		Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	})
	s := &HTTP2{URL: "https://" + listener.Addr().String(), steps: steps}
	serveConns(t, listener, s.handle)
	return s
}

// Requests returns the number of requests that the server received.
func (s *HTTP2) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

func (s *HTTP2) handle(conn net.Conn) {
	defer conn.Close()
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	if _, err := io.CopyN(io.Discard, conn, int64(len(preface))); err != nil {
		return
	}
	writeFrame(conn, frameSettings, 0, 0, nil)
	for {
		var head [9]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
		payload := make([]byte, uint32(head[0])<<16|uint32(head[1])<<8|uint32(head[2]))
		if _, err := io.ReadFull(conn, payload); err != nil {
			return
		}
		switch {
		case kind == frameSettings && flags&flagAck == 0:
			writeFrame(conn, frameSettings, flagAck, 0, nil)
		case kind == framePing && flags&flagAck == 0:
			writeFrame(conn, framePing, flagAck, 0, payload)
		case (kind == frameHeaders || kind == frameData) && flags&flagEndStream != 0:
			s.next()(conn, stream)
		}
	}
}

func (s *HTTP2) next() StreamStep {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	return s.steps[min(s.seen, len(s.steps))-1]
}

func writeFrame(conn net.Conn, kind, flags byte, stream uint32, payload []byte) {
	length := uint32(len(payload)) //nolint:gosec // a test's frames are short
	frame := append(binary.BigEndian.AppendUint32(nil, length<<8|uint32(kind)), flags)
	frame = binary.BigEndian.AppendUint32(frame, stream)
	_, _ = conn.Write(append(frame, payload...))
}
