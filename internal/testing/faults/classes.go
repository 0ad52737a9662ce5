package faults

import (
	"context"
	"os"

	"github.com/runflow-io/runflow-go"
)

// The secrets of a call, which no error and no log may contain.
const (
	secretToken     = "canary-token-0123456789"
	secretHeader    = "canary-header"
	secretQuery     = "canary_query"
	secretBody      = "canary-body"
	secretSignature = "canary-signature"
	secretResponse  = "canary-response" // in responses
)

// ownKey is the idempotency key of calls with WithIdempotencyKey.
const ownKey = "order-42"

// A Class is a class of calls that are retried under the same conditions.
type Class struct {
	Name       string
	Operation  string
	AtMostOnce bool   // the server must not process such a call twice
	OwnKey     string // the caller's idempotency key, by which the server recognizes a retry
	Keyed      bool   // the SDK's idempotency key does the same
	HasBody    bool
	IsDownload bool // the request has no token, and any bytes are a valid response
	Call       func(ctx context.Context, client *runflow.Client, baseURL string, opts ...runflow.CallOption) error
}

// Classes returns all classes.
func Classes() []Class {
	createRun := func(ctx context.Context, client *runflow.Client, _ string, opts ...runflow.CallOption) error {
		_, err := client.Models.CreateRun(ctx, "acme/cat", runflow.CreateRunParams{Input: map[string]string{"prompt": secretBody}}, opts...)
		return err
	}
	return []Class{
		{
			Name: "get a run", Operation: "Runs.Get",
			Call: func(ctx context.Context, client *runflow.Client, _ string, opts ...runflow.CallOption) error {
				_, err := client.Runs.Get(ctx, "1", runflow.GetRunParams{Fields: []string{secretQuery}}, opts...)
				return err
			},
		},
		{
			Name: "set feedback", Operation: "Runs.SetFeedback", HasBody: true,
			Call: func(ctx context.Context, client *runflow.Client, _ string, opts ...runflow.CallOption) error {
				_, err := client.Runs.SetFeedback(ctx, "1", runflow.Feedback{Rating: runflow.ThumbsUp, Reason: secretBody}, opts...)
				return err
			},
		},
		{
			Name: "create a run, own key", Operation: "Models.CreateRun", AtMostOnce: true, OwnKey: ownKey, HasBody: true,
			Call: func(ctx context.Context, client *runflow.Client, baseURL string, opts ...runflow.CallOption) error {
				return createRun(ctx, client, baseURL, append(opts, runflow.WithIdempotencyKey(ownKey))...)
			},
		},
		{Name: "create a run", Operation: "Models.CreateRun", AtMostOnce: true, HasBody: true, Call: createRun},
		{
			Name: "create a batch", Operation: "Models.CreateBatch", AtMostOnce: true, Keyed: true, HasBody: true,
			Call: func(ctx context.Context, client *runflow.Client, _ string, opts ...runflow.CallOption) error {
				inputs := []runflow.BatchInput{{Input: map[string]string{"prompt": secretBody}}}
				_, err := client.Models.CreateBatch(ctx, "acme/cat", runflow.CreateBatchParams{Inputs: inputs}, opts...)
				return err
			},
		},
		{
			Name: "redeliver a callback", Operation: "Runs.RedeliverCallback", AtMostOnce: true,
			Call: func(ctx context.Context, client *runflow.Client, _ string, opts ...runflow.CallOption) error {
				_, err := client.Runs.RedeliverCallback(ctx, "1", opts...)
				return err
			},
		},
		{Name: "download", Operation: "Runs.Download", IsDownload: true, Call: download},
	}
}

// download writes a file of the server, under a signed URL, to an *os.File.
func download(ctx context.Context, client *runflow.Client, baseURL string, opts ...runflow.CallOption) error {
	file, err := os.CreateTemp("", "download")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	output := runflow.OutputFile{URL: baseURL + "/file?X-Amz-Signature=" + secretSignature}
	_, err = client.Runs.Download(ctx, output, file, runflow.DownloadParams{}, opts...)
	return err
}
