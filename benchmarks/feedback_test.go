package benchmarks

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"testing"

	"github.com/runflow-io/runflow-go"
)

var plainRun = plain(reflect.TypeFor[runflow.Run](), 0)

func BenchmarkSetFeedback(b *testing.B) {
	body := sample()
	for name, body := range map[string][]byte{"net_http_bare": body, "net_http_bare_empty": []byte("{}")} { b.Run(name, func(b *testing.B) {
		client := &http.Client{Transport: stub(body)}
		b.ReportAllocs()
		for b.Loop() {
			req, _ := http.NewRequestWithContext(context.Background(), "PATCH", "https://api.runflow.io/v1/runs/x/feedback", bytes.NewReader([]byte(`{"is_positive":true,"reason":null}`)))
			req.Header.Set("Authorization", "Bearer x")
			resp, err := client.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 512)
			for {
				if _, err := resp.Body.Read(buf); err != nil {
					break
				}
			}
			resp.Body.Close()
		}
	}) }
	b.Run("net_http_json", func(b *testing.B) {
		client := &http.Client{Transport: stub(body)}
		b.ReportAllocs()
		for b.Loop() {
			payload, _ := json.Marshal(map[string]any{"is_positive": true, "reason": nil})
			req, _ := http.NewRequestWithContext(context.Background(), "PATCH", "https://api.runflow.io/v1/runs/x/feedback", bytes.NewReader(payload))
			req.Header.Set("Authorization", "Bearer x")
			req.Header.Set("Content-Type", "application/json")
			resp, err := client.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			v := reflect.New(plainRun).Interface()
			if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
				b.Fatal(err)
			}
			resp.Body.Close()
		}
	})
	b.Run("runflow", func(b *testing.B) {
		client, err := runflow.NewClient("x", runflow.WithHTTPClient(&http.Client{Transport: stub(body)}))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.Runs.SetFeedback(context.Background(), "x", runflow.Feedback{IsPositive: true}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("runflow_empty", func(b *testing.B) {
		client, err := runflow.NewClient("x", runflow.WithHTTPClient(&http.Client{Transport: stub("{}")}))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.Runs.SetFeedback(context.Background(), "x", runflow.Feedback{IsPositive: true}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
