package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io"
	"time"

	"github.com/runflow-io/runflow-go"
)

func checkFeedback(ctx context.Context, p *probe) (r result) {
	before, err := p.client.Runs.Get(ctx, p.rate, runflow.GetRunParams{})
	if err != nil {
		return because(err)
	}
	old, rated := before.Feedback()
	defer func() { // as it was
		var err error
		if rated {
			_, err = p.client.Runs.SetFeedback(ctx, p.rate, old)
		} else {
			_, err = p.client.Runs.ClearFeedback(ctx, p.rate)
		}
		if err != nil && r.verdict == confirmed {
			r = because(err)
		}
	}()
	for _, want := range []runflow.Feedback{
		{Rating: runflow.ThumbsUp, Reason: "checked by the Go SDK"}, {Rating: runflow.ThumbsDown}, {Rating: runflow.ThumbsUp},
	} {
		set, err := p.client.Runs.SetFeedback(ctx, p.rate, want)
		if errors.Is(err, runflow.ErrPermissionDenied) {
			return open("an API key cannot set feedback: %v", err)
		}
		if err != nil {
			return because(err)
		}
		read, err := p.client.Runs.Get(ctx, p.rate, runflow.GetRunParams{})
		if err != nil {
			return because(err)
		}
		for _, run := range []*runflow.Run{set, read} {
			if got, ok := run.Feedback(); !ok || got != want {
				return no("set %v with reason %q, got %v with reason %q", want.Rating, want.Reason, got.Rating, got.Reason)
			}
		}
	}
	cleared, err := p.client.Runs.ClearFeedback(ctx, p.rate)
	if err != nil {
		return because(err)
	}
	_, still := cleared.Feedback()
	return is(!still && cleared.FeedbackReason == "", "feedback is still there after it was cleared")
}

func checkFeedbackUnknownRun(ctx context.Context, p *probe) result {
	_, err := p.client.Runs.ClearFeedback(ctx, noRun)
	if errors.Is(err, runflow.ErrNotFound) || errors.Is(err, runflow.ErrPermissionDenied) {
		return yes("")
	}
	return no("%v", err)
}

// A spent is what the checks with -spend create.
type spent struct {
	key, ref string
	run      *runflow.Run
	asset    *runflow.Asset
}

func (p *probe) params() runflow.CreateRunParams {
	return runflow.CreateRunParams{Input: runflow.JSON(p.input), ClientRef: p.spent.ref}
}

func checkCreate(ctx context.Context, p *probe) result {
	p.spent = spent{key: rand.Text(), ref: "live-" + rand.Text()}
	run, err := p.client.Models.CreateRun(ctx, p.spend, p.params(), runflow.WithIdempotencyKey(p.spent.key))
	if err != nil {
		return because(err)
	}
	p.spent.run = run
	status := p.last.status
	return is(p.last.object()["id"] != nil, "no member id; status %d", status)
}

func checkIdempotencyKey(ctx context.Context, p *probe) result {
	if p.spent.run == nil {
		return open("no run was created")
	}
	again, err := p.client.Models.CreateRun(ctx, p.spend, p.params(), runflow.WithIdempotencyKey(p.spent.key))
	if err != nil {
		return because(err)
	}
	return is(again.ID == p.spent.run.ID, "the same key created two runs: %s and %s", p.spent.run.ID, again.ID)
}

func checkFindNewRun(ctx context.Context, p *probe) result {
	if p.spent.run == nil {
		return open("no run was created")
	}
	found, err := p.client.Runs.FindByClientRef(ctx, p.spent.ref)
	if err != nil {
		return because(err)
	}
	for _, run := range found {
		if run.ID == p.spent.run.ID {
			return yes("")
		}
	}
	return no("it finds %d other runs", len(found))
}

func (p *probe) wait(ctx context.Context, id string) (*runflow.Run, error) {
	run, err := p.client.Runs.Wait(ctx, id, runflow.WaitRunParams{Timeout: p.limit, MaxInterval: p.poll, MinInterval: min(p.poll, time.Second)})
	if _, ok := errors.AsType[*runflow.RunError](err); ok {
		err = nil // it has ended
	}
	return run, err
}

func checkWait(ctx context.Context, p *probe) result {
	if p.spent.run == nil {
		return open("no run was created")
	}
	run, err := p.wait(ctx, p.spent.run.ID)
	if err != nil {
		return because(err)
	}
	p.spent.run = run
	return yes("%s after %v, cost %v US dollars", run.StatusCode, run.CompletedAt.Sub(run.CreatedAt).Round(time.Millisecond), run.Cost.Decimal)
}

func checkDownload(ctx context.Context, p *probe) result {
	if p.spent.run == nil || len(p.spent.run.OutputFiles()) == 0 {
		return open("no file")
	}
	info, err := p.client.Runs.Download(ctx, p.spent.run.OutputFiles()[0], io.Discard, runflow.DownloadParams{})
	if err != nil {
		return because(err)
	}
	return is(info.Size > 0, "the file is empty")
}

func checkUpload(ctx context.Context, p *probe) result {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 64))); err != nil {
		return because(err)
	}
	asset, err := p.client.Assets.Upload(ctx, bytes.NewReader(picture.Bytes()), runflow.UploadParams{Filename: "runflow-go.png"})
	if err != nil {
		return because(err)
	}
	p.compare("Asset", asset)
	again, err := p.client.Assets.Get(ctx, asset.ID, runflow.GetAssetParams{})
	if err != nil {
		return because(err)
	}
	p.spent.asset = asset
	return is(again.ID == asset.ID && again.MIMEType == "image/png", "id %s, type %s", again.ID, again.MIMEType)
}

func checkAssetRef(ctx context.Context, p *probe) result {
	if p.spent.asset == nil || p.member == "" {
		return open("-member is not set, or nothing was uploaded")
	}
	input := map[string]any{}
	if err := json.Unmarshal([]byte(p.input), &input); err != nil {
		return open("the input is not an object")
	}
	input[p.member] = p.spent.asset.Ref()
	run, err := p.client.Models.CreateRun(ctx, p.spend, runflow.CreateRunParams{Input: input})
	if err != nil {
		return because(err)
	}
	run, err = p.wait(ctx, run.ID)
	if err != nil {
		return because(err)
	}
	return is(run.StatusCode == runflow.RunStatusSucceeded, "the run ended with %s: %s", run.StatusCode, run.FailureMessage)
}
