package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"time"
)

// api is a fake API in its own process, so that its CPU time and memory are not
// measured.
type api struct {
	address

	roots *x509.CertPool
	stop  func()
}

// address is printed by the process of the API.
type address struct {
	URL         string `json:"url"`
	Certificate []byte `json:"certificate"`
}

func startAPI(ctx context.Context, delay time.Duration, overTLS bool) (*api, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-serve", "-delay="+delay.String(), fmt.Sprintf("-tls=%t", overTLS)) //nolint:gosec // it is this program
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	a := &api{roots: x509.NewCertPool(), stop: func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	}}
	if err := json.NewDecoder(stdout).Decode(&a.address); err != nil {
		a.stop()
		return nil, fmt.Errorf("the fake API did not start: %w", err)
	}
	if overTLS {
		certificate, err := x509.ParseCertificate(a.Certificate)
		if err != nil {
			a.stop()
			return nil, err
		}
		a.roots.AddCert(certificate)
	}
	return a, nil
}

// serve runs the fake API until stdin is closed.
func serve(delay time.Duration, overTLS bool) error {
	body, err := sample()
	if err != nil {
		return err
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(delay)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	a := address{}
	if overTLS {
		server.EnableHTTP2 = true
		server.StartTLS()
		a.Certificate = server.Certificate().Raw
	} else {
		server.Start()
	}
	a.URL = server.URL
	if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// sample returns a run with all its parts embedded.
func sample() ([]byte, error) {
	data, err := os.ReadFile("../../testdata/feedback-run-sample.json")
	if err != nil {
		return nil, fmt.Errorf("run the command in examples/fleet: %w", err)
	}
	for _, field := range []string{"cost", "price", "min_value", "max_value"} {
		data = bytes.ReplaceAll(data, fmt.Appendf(nil, `"%s": "<string>"`, field), fmt.Appendf(nil, `"%s": "0.0420"`, field))
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, data)
	return compact.Bytes(), err
}
