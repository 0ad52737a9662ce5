package acceptance_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/runflow-io/runflow-go/internal/testing/faults"
	"github.com/runflow-io/runflow-go/internal/testing/wire"
	"github.com/runflow-io/runflow-go/internal/transport"
)

// A streamFault is a fault that happens when the server has received a complete
// request.
type streamFault struct {
	faults.Fault

	do func(c *http2Conn, stream uint32)
}

func newStreamFault(name string, outcome faults.Outcome, do func(c *http2Conn, stream uint32)) streamFault {
	return streamFault{faults.Fault{Name: name, Outcome: outcome}, do}
}

// replayed returns a fault after which net/http repeats a request without a body by
// itself.
func replayed(f streamFault) streamFault {
	f.NeedsBody = true
	return f
}

const (
	wholeBody = `{"id":"1"}`
	halfBody  = `{"id":`
)

var streamFaults = []streamFault{
	newStreamFault("GOAWAY after the response", faults.Success, func(c *http2Conn, stream uint32) {
		c.respond(stream, wholeBody)
		c.goAway(stream, http2.ErrCodeNo)
	}),
	replayed(newStreamFault("REFUSED_STREAM", faults.NotProcessed, resetStream(http2.ErrCodeRefusedStream))),
	replayed(newStreamFault("GOAWAY that excludes the request", faults.NotProcessed, func(c *http2Conn, _ uint32) { c.goAway(0, http2.ErrCodeNo) })),
	newStreamFault("RST_STREAM PROTOCOL_ERROR", faults.Unknown, resetStream(http2.ErrCodeProtocol)),
	newStreamFault("GOAWAY with an error that excludes the request", faults.Unknown, func(c *http2Conn, _ uint32) { c.goAway(0, http2.ErrCodeInternal) }),
	newStreamFault("GOAWAY that includes the request", faults.Unknown, func(c *http2Conn, stream uint32) {
		c.goAway(stream, http2.ErrCodeNo)
		_ = c.Close()
	}),
	newStreamFault("GOAWAY with an error", faults.Unknown, func(c *http2Conn, stream uint32) {
		c.goAway(stream, http2.ErrCodeProtocol)
		_ = c.Close()
	}),
	newStreamFault("RST_STREAM INTERNAL_ERROR", faults.Unknown, resetStream(http2.ErrCodeInternal)),
	newStreamFault("RST_STREAM CANCEL", faults.Unknown, resetStream(http2.ErrCodeCancel)),
	newStreamFault("RST_STREAM ENHANCE_YOUR_CALM", faults.Unknown, resetStream(http2.ErrCodeEnhanceYourCalm)),
	newStreamFault("RST_STREAM during the body", faults.Unknown, func(c *http2Conn, stream uint32) {
		c.respond(stream, halfBody)
		_ = c.WriteRSTStream(stream, http2.ErrCodeInternal)
	}),
	newStreamFault("REFUSED_STREAM during the body", faults.Unknown, func(c *http2Conn, stream uint32) {
		c.respond(stream, halfBody)
		_ = c.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
	}),
	newStreamFault("connection closed", faults.Unknown, func(c *http2Conn, _ uint32) { _ = c.Close() }),
	newStreamFault("connection closed during the body", faults.Unknown, func(c *http2Conn, stream uint32) {
		c.respond(stream, halfBody)
		_ = c.Close()
	}),
	newStreamFault("invalid frame", faults.Unknown, func(c *http2Conn, stream uint32) {
		_ = c.WriteRawFrame(http2.FrameData, 0xff, stream+2, []byte("canary-response"))
	}),
}

func resetStream(code http2.ErrCode) func(c *http2Conn, stream uint32) {
	return func(c *http2Conn, stream uint32) { _ = c.WriteRSTStream(stream, code) }
}

func TestFaults_OverHTTP2(t *testing.T) {
	t.Parallel()
	var all []faults.Fault
	byName := map[string]streamFault{}
	for _, fault := range streamFaults {
		all = append(all, fault.Fault)
		byName[fault.Name] = fault
	}
	faults.Tabulate(t, document, "over HTTP/2", all,
		func(t *testing.T, fault faults.Fault, class faults.Class, lasting bool) faults.Report {
			t.Helper()
			return callOverHTTP2(t, byName[fault.Name], class, lasting)
		})
}

func callOverHTTP2(t *testing.T, fault streamFault, class faults.Class, lasting bool) faults.Report {
	t.Helper()
	certificate, authorities := wire.Certificate(t, "", time.Now().Add(time.Hour))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	})
	require.NoError(t, err)
	server := &http2Server{fault: fault, lasting: lasting}
	go server.serve(listener)
	pool := transport.NewPool()
	pool.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	report := faults.Call(t, "https://"+listener.Addr().String(), pool, class, realTime(fault.Outcome)...)
	pool.CloseIdleConnections()
	_ = listener.Close()
	server.mu.Lock()
	defer server.mu.Unlock()
	for _, conn := range server.conns {
		_ = conn.Close() // a stream may still be open
	}
	report.Requests, report.Duration = server.seen, 0 // real time is not reproducible
	return report
}

// An http2Server speaks HTTP/2 frame by frame. The fault happens to the first
// request, or to all.
type http2Server struct {
	fault   streamFault
	lasting bool

	mu    sync.Mutex
	seen  []wire.Request
	conns []net.Conn
}

type http2Conn struct {
	net.Conn
	*http2.Framer

	requests map[uint32]*wire.Request
}

func (s *http2Server) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
		go s.handle(conn)
	}
}

func (s *http2Server) handle(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.CopyN(io.Discard, conn, int64(len(http2.ClientPreface))); err != nil {
		return
	}
	c := &http2Conn{conn, http2.NewFramer(conn, conn), map[uint32]*wire.Request{}}
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = c.WriteSettings()
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = c.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			c.requests[frame.StreamID] = requestOf(frame)
			if frame.StreamEnded() {
				s.respond(c, frame.StreamID)
			}
		case *http2.DataFrame:
			c.requests[frame.StreamID].Body += string(frame.Data())
			if frame.StreamEnded() {
				s.respond(c, frame.StreamID)
			}
		}
	}
}

func requestOf(frame *http2.MetaHeadersFrame) *wire.Request {
	r := &wire.Request{Method: frame.PseudoValue("method"), URI: frame.PseudoValue("path"), Header: http.Header{}}
	for _, field := range frame.RegularFields() {
		r.Header.Add(field.Name, field.Value)
	}
	return r
}

// respond responds to a complete request.
func (s *http2Server) respond(c *http2Conn, stream uint32) {
	s.mu.Lock()
	s.seen = append(s.seen, *c.requests[stream])
	first := len(s.seen) == 1
	s.mu.Unlock()
	if first || s.lasting {
		s.fault.do(c, stream)
		return
	}
	c.respond(stream, wholeBody)
}

// respond sends a response. If it sends only half of the body, the stream stays
// open.
func (c *http2Conn) respond(stream uint32, body string) {
	var block bytes.Buffer
	_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true})
	_ = c.WriteData(stream, body == wholeBody, []byte(body))
}

func (c *http2Conn) goAway(last uint32, code http2.ErrCode) {
	_ = c.WriteGoAway(last, code, []byte("canary-response"))
}
