package main

import (
	"context"
	"io"
	"net"
	"strings"
)

// listen listens on addr and forwards all connections to the server at serverURL.
func listen(ctx context.Context, addr, serverURL string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it was closed
			}
			go forward(ctx, conn, strings.TrimPrefix(serverURL, "http://"))
		}
	}()
	return listener, nil
}

// forward copies the bytes of both directions until the server closes the connection
// or resets it, which the client then sees too.
func forward(ctx context.Context, client net.Conn, addr string) {
	defer client.Close()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		if half, ok := server.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
	}()
	if _, err := io.Copy(client, server); err != nil {
		if tcp, ok := client.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	}
}
