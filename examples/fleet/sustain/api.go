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

// api is an API in a process of its own, so that its work is not measured.
type api struct {
	address

	roots *x509.CertPool
	stop  func()
}

// address is what that process says of itself.
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
		return nil, fmt.Errorf("the API did not start: %w", err)
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

// serve is the API, until the end of stdin.
func serve(delay time.Duration, overTLS bool) error {
	answer, err := sample()
	if err != nil {
		return err
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(delay)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
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

// sample returns a run with everything embedded.
func sample() ([]byte, error) {
	data, err := os.ReadFile("../../testdata/feedback-run-sample.json")
	if err != nil {
		return nil, fmt.Errorf("to be started in examples/fleet: %w", err)
	}
	for _, money := range []string{"cost", "price", "min_value", "max_value"} {
		data = bytes.ReplaceAll(data, fmt.Appendf(nil, `"%s": "<string>"`, money), fmt.Appendf(nil, `"%s": "0.0420"`, money))
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, data)
	return compact.Bytes(), err
}
