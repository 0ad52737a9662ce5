package faults

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"strings"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

// maxBody is the maximum size of a response that the calls allow.
const maxBody = 1 << 20

// responses returns faults of the response.
func responses() []Fault {
	const json = "Content-Type: application/json"
	invalid := func(name, text string) Fault {
		return Fault{Name: name, Outcome: Unknown, start: scripted(wire.Close(text))}
	}
	processed := func(name string, step wire.Step) Fault {
		return Fault{Name: name, Outcome: Processed, start: scripted(step)}
	}
	return []Fault{
		invalid("response is not HTTP", secretResponse+"\r\n\r\n"),
		invalid("status is not a number", "HTTP/1.1 "+secretResponse+" OK\r\n\r\n"),
		invalid("header without a colon", "HTTP/1.1 200 OK\r\n"+secretResponse+"\r\n\r\n"),
		invalid("Content-Length is not a number", "HTTP/1.1 200 OK\r\nContent-Length: "+secretResponse+"\r\n\r\n"),
		invalid("two different Content-Lengths", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n"+success),
		invalid("Content-Length too long", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"+success),
		invalid("unknown Transfer-Encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: "+secretResponse+"\r\n\r\n"),
		invalid("chunk without a length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+secretResponse+"\r\n"),
		invalid("trailer without a colon", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"+secretResponse+"\r\n\r\n"),
		invalid("headers too large", "HTTP/1.1 200 OK\r\nX-Long: "+strings.Repeat(secretResponse, 1<<17)),
		{Name: "invalid gzip data", Outcome: Unknown, start: scripted(wire.Respond(200, secretResponse, "Content-Encoding: gzip"))},
		{Name: "101 Switching Protocols", Outcome: Unknown, start: scripted(wire.Close("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"))},

		processed("body is not JSON", wire.Respond(200, "<html>"+secretResponse)),
		processed("JSON of another type", wire.Respond(200, `{"id":{"secret":"`+secretResponse+`"}}`, json)),
		processed("201 without an id", wire.Respond(201, `{}`, json)),
		processed("201 with an error instead of an id", wire.Respond(201, `{"code":"OOPS","id":null,"secret":"`+secretResponse+`"}`, json)),
		processed("empty body", wire.Respond(200, "", json)),
		processed("204 No Content", wire.Send("HTTP/1.1 204 No Content\r\n\r\n")),
		processed("Content-Length too short", wire.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"+success)),
		processed("body too large", wire.Respond(200, `{"id":"`+strings.Repeat(secretResponse, maxBody/10)+`"}`)),
		processed("gzip bomb", wire.Respond(200, gzipBomb(), "Content-Encoding: gzip")),

		{Name: "one byte at a time", Outcome: Success, start: scripted(byteByByte)},
		{Name: "502 with an HTML page", Outcome: Unknown, start: scripted(wire.Respond(502, "<html><h1>"+secretResponse+"</h1></html>", "Content-Type: text/html"))},
		{Name: "500 with an empty body", Outcome: Unknown, start: scripted(wire.Respond(500, ""))},
		{Name: "400 that echoes the request", Outcome: Rejected, start: scripted(echo(400))},
		{Name: "503 that echoes the request", Outcome: Unknown, start: scripted(echo(503))},
	}
}

func byteByByte(conn net.Conn, _ wire.Request) {
	for _, b := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + success) {
		_, _ = conn.Write([]byte{b})
	}
}

// echo responds with everything that the client sent.
func echo(status int) wire.Step {
	return func(conn net.Conn, r wire.Request) {
		_, query, _ := strings.Cut(r.URI, "?")
		sent := r.Header.Get("Authorization") + " " + r.Header.Get("X-Secret") + " " + query + " " + r.Body
		body := fmt.Sprintf(`{"code":%q,"message":%q,"detail":[{"loc":[%q],"msg":%q,"type":%q}],"secret":%q}`,
			sent, sent, sent, sent, sent, secretResponse)
		wire.Respond(status, body, "X-Request-Id: "+r.Header.Get("Authorization"))(conn, r)
	}
}

// gzipBomb returns a few kilobytes of gzip data that expand to 32 MiB.
func gzipBomb() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, maxBody)
	for range 32 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	return b.String()
}
