package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/runflow-io/runflow-go"
)

// A job remembers the batch in a file. The key is written before the batch is
// created, and the ID of the batch afterwards.
type job struct {
	Key     string `json:"key"` // the idempotency key, and the start of each ClientRef
	BatchID string `json:"batch_id"`

	path  string // "" means that nothing is remembered
	isNew bool
}

func openJob(path string) (*job, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the path is an argument of the command
	switch {
	case path == "" || errors.Is(err, fs.ErrNotExist):
		j := &job{Key: rand.Text(), path: path, isNew: true}
		return j, j.save()
	case err != nil:
		return nil, err
	}
	j := &job{path: path}
	if err := json.Unmarshal(data, j); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return j, nil
}

// save replaces the file, so that an interruption leaves the old or the new one.
func (j *job) save() error {
	if j.path == "" {
		return nil
	}
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := os.WriteFile(j.path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(j.path+".new", j.path)
}

// ref returns the ClientRef of a row.
func (j *job) ref(name string) string { return j.Key + "/" + name }

// create creates the batch, unless an earlier start has done so.
func (j *job) create(ctx context.Context, client *runflow.Client, model string, rows []map[string]string) error {
	if j.BatchID != "" {
		return nil
	}
	params := runflow.CreateBatchParams{}
	for _, row := range rows {
		params.Inputs = append(params.Inputs, runflow.BatchInput{
			Input:     map[string]any{"prompt": row["prompt"]},
			ClientRef: j.ref(row["name"]),
		})
	}
	if !j.isNew && len(rows) > 0 {
		// The key is enough while the API remembers it. How long that is, it does not
		// say, but it finds the runs of the batch at any time.
		runs, err := client.Runs.FindByClientRef(ctx, j.ref(rows[0]["name"]))
		if err != nil {
			return err
		}
		if len(runs) > 0 && runs[0].BatchID != "" {
			j.BatchID = runs[0].BatchID
			return j.save()
		}
	}
	batch, err := client.Models.CreateBatch(ctx, model, params, runflow.WithIdempotencyKey(j.Key))
	if err != nil {
		return err
	}
	j.BatchID = batch.ID
	return j.save()
}
