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

	"github.com/runflow-io/runflow-go/internal/faults"
	"github.com/runflow-io/runflow-go/internal/transport"
	"github.com/runflow-io/runflow-go/internal/wire"
)

// h2 is a server that speaks HTTP/2 frame by frame, and goes wrong once or always.
type h2 struct {
	wrong   func(c *h2conn, stream uint32)
	lasting bool

	mu   sync.Mutex
	seen []wire.Request
}

type h2conn struct {
	net.Conn
	*http2.Framer

	requests map[uint32]*wire.Request
}

func (s *h2) serve(listener net.Listener, conns *sync.WaitGroup) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		conns.Go(func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			if _, err := io.CopyN(io.Discard, conn, int64(len(http2.ClientPreface))); err != nil {
				return
			}
			c := &h2conn{conn, http2.NewFramer(conn, conn), map[uint32]*wire.Request{}}
			c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
			if c.WriteSettings() == nil {
				s.handle(c)
			}
		})
	}
}

func (s *h2) handle(c *h2conn) {
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
			s.ended(c, frame.StreamID, frame.StreamEnded())
		case *http2.DataFrame:
			c.requests[frame.StreamID].Body += string(frame.Data())
			s.ended(c, frame.StreamID, frame.StreamEnded())
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

// ended does what there is to do when a request is complete.
func (s *h2) ended(c *h2conn, stream uint32, whole bool) {
	if !whole {
		return
	}
	s.mu.Lock()
	s.seen = append(s.seen, *c.requests[stream])
	first := len(s.seen) == 1
	s.mu.Unlock()
	if first || s.lasting {
		s.wrong(c, stream)
		return
	}
	c.answer(stream, `{"id":"1"}`)
}

// answer answers with as much of a body as is given, and ends the stream where
// that is whole.
func (c *h2conn) answer(stream uint32, body string) {
	const whole = `{"id":"1"}`
	var block bytes.Buffer
	_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true})
	_ = c.WriteData(stream, body == whole, []byte(body))
}

var streams = map[string]func(c *h2conn, stream uint32){
	"REFUSED_STREAM":               func(c *h2conn, stream uint32) { _ = c.WriteRSTStream(stream, http2.ErrCodeRefusedStream) },
	"RST_STREAM INTERNAL_ERROR":    func(c *h2conn, stream uint32) { _ = c.WriteRSTStream(stream, http2.ErrCodeInternal) },
	"RST_STREAM CANCEL":            func(c *h2conn, stream uint32) { _ = c.WriteRSTStream(stream, http2.ErrCodeCancel) },
	"RST_STREAM ENHANCE_YOUR_CALM": func(c *h2conn, stream uint32) { _ = c.WriteRSTStream(stream, http2.ErrCodeEnhanceYourCalm) },
	"RST_STREAM amid the body": func(c *h2conn, stream uint32) {
		c.answer(stream, `{"id":`)
		_ = c.WriteRSTStream(stream, http2.ErrCodeInternal)
	},
	"connection closed amid the body":    func(c *h2conn, stream uint32) { c.answer(stream, `{"id":`); _ = c.Close() },
	"connection closed":                  func(c *h2conn, _ uint32) { _ = c.Close() },
	"GOAWAY that counts the request in":  func(c *h2conn, stream uint32) { goAway(c, stream, http2.ErrCodeNo); _ = c.Close() },
	"GOAWAY with an error":               func(c *h2conn, stream uint32) { goAway(c, stream, http2.ErrCodeProtocol); _ = c.Close() },
	"GOAWAY that leaves the request out": func(c *h2conn, _ uint32) { goAway(c, 0, http2.ErrCodeNo) },
	"GOAWAY after the answer":            func(c *h2conn, stream uint32) { c.answer(stream, `{"id":"1"}`); goAway(c, stream, http2.ErrCodeNo) },
	"a frame of no sense": func(c *h2conn, stream uint32) {
		_ = c.WriteRawFrame(http2.FrameData, 0xff, stream+2, []byte("canary-response"))
	},
}

func goAway(c *h2conn, last uint32, code http2.ErrCode) {
	_ = c.WriteGoAway(last, code, []byte("canary-response"))
}

func TestCallsGoOverHTTP2AsDocumented(t *testing.T) {
	t.Parallel()
	fates := []faults.Fault{
		{Name: "GOAWAY after the answer", Fate: faults.Harmless},
		{Name: "REFUSED_STREAM", Fate: faults.Unclear},
		{Name: "GOAWAY that leaves the request out", Fate: faults.Unclear},
		{Name: "GOAWAY that counts the request in", Fate: faults.Unclear},
		{Name: "GOAWAY with an error", Fate: faults.Unclear},
		{Name: "RST_STREAM INTERNAL_ERROR", Fate: faults.Unclear},
		{Name: "RST_STREAM CANCEL", Fate: faults.Unclear},
		{Name: "RST_STREAM ENHANCE_YOUR_CALM", Fate: faults.Unclear},
		{Name: "RST_STREAM amid the body", Fate: faults.Unclear},
		{Name: "connection closed", Fate: faults.Unclear},
		{Name: "connection closed amid the body", Fate: faults.Unclear},
		{Name: "a frame of no sense", Fate: faults.Unclear},
	}
	faults.Tabulate(t, "../FAULTS.md", "over HTTP/2", fates,
		func(t *testing.T, fault faults.Fault, class faults.Class, lasting bool) faults.Meeting {
			t.Helper()
			return meetOverHTTP2(t, fault, class, lasting)
		})
}

func meetOverHTTP2(t *testing.T, fault faults.Fault, class faults.Class, lasting bool) faults.Meeting {
	t.Helper()
	certificate, authorities := wire.Certificate(t, "", time.Now().Add(time.Hour))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	})
	require.NoError(t, err)
	server := &h2{wrong: streams[fault.Name], lasting: lasting}
	var conns sync.WaitGroup
	conns.Go(func() { server.serve(listener, &conns) })
	pool := transport.NewPool()
	pool.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	met := faults.At(t, "https://"+listener.Addr().String(), pool, class, hasty(fault.Fate)...)
	pool.CloseIdleConnections()
	_ = listener.Close()
	server.mu.Lock()
	defer server.mu.Unlock()
	met.Requests, met.Waited = server.seen, 0 // which is not simulated
	return met
}
