package transport

import (
	"errors"
	"io"
	"net"
	"net/textproto"
	"strings"
)

var (
	errNotHTTP = errors.New("the answer is no HTTP that can be read")
	errGoAway  = errors.New("the server closed the connection")
)

// withoutAnswer replaces an error of net/http that quotes what the server sent.
func withoutAnswer(err error) error {
	text := err.Error()
	broken := strings.Contains(text, "net/http: HTTP/1.x transport connection broken: ")
	switch {
	case is[textproto.ProtocolError](err), broken && !isDisconnect(err):
		return errNotHTTP
	case strings.Contains(text, "http2: server sent GOAWAY"):
		return errGoAway
	}
	return err
}

// isDisconnect reports whether err says of a connection only that it broke.
func isDisconnect(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
