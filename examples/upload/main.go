// Command upload uploads a local picture, uses it as the input of a model, and saves
// the output of the run.
//
// Without an account it uses a fake API that it starts itself, and a picture that it
// draws:
//
//	go run ./examples/upload
//
// With a token it uses a model of api.runflow.io, or of the API at
// RUNFLOW_BASE_URL. That costs credits. The input of the model must have a member
// image_url; -member sets another name.
//
//	RUNFLOW_TOKEN=… go run ./examples/upload -model owner/slug -file cat.png
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func main() {
	model := flag.String("model", "runflow/demo", "`owner/slug` of the model")
	member := flag.String("member", "image_url", "`name` of the picture in the input of the model")
	path := flag.String("file", "", "picture to upload; a drawn one if it is empty")
	dir := flag.String("dir", os.TempDir(), "`directory` for the output files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *model, *member, *path, *dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, model, member, path, dir string) error {
	token, baseURL := os.Getenv("RUNFLOW_TOKEN"), os.Getenv("RUNFLOW_BASE_URL")
	wait := runflow.WaitRunParams{Timeout: 10 * time.Minute}
	if token == "" {
		server := runflowtest.NewServer()
		defer server.Close()
		server.AddModel(model, runflow.Model{})
		token, baseURL = server.APIKey, server.URL
		wait.MaxInterval = 100 * time.Millisecond // the fake API is fast
		fmt.Println("RUNFLOW_TOKEN is not set: using a fake API")
	}
	client, err := runflow.NewClient(token, runflow.WithBaseURL(baseURL))
	if err != nil {
		return err
	}

	asset, err := upload(ctx, client, path)
	if err != nil {
		return err
	}
	fmt.Printf("uploaded %s, %s\n", asset.Name, asset.MIMEType)

	// The reference does not expire, other than the URL of the asset.
	input := map[string]any{"prompt": "the same, at night", member: asset.Ref()}
	result, err := client.Models.RunAndWait(ctx, model, runflow.CreateRunParams{Input: input}, wait)
	if err != nil {
		return err
	}
	fmt.Println("run", result.ID, result.StatusCode)
	for _, file := range result.OutputFiles() {
		if err := save(ctx, client, file, dir); err != nil {
			return err
		}
	}
	return nil
}

// upload uploads the file at path, or a drawn picture.
func upload(ctx context.Context, client *runflow.Client, path string) (*runflow.Asset, error) {
	params := runflow.UploadParams{
		OnProgress: func(sent, total int64) { fmt.Printf("\ruploading: %3d%%", 100*sent/total) },
	}
	defer fmt.Println()
	if path != "" {
		return client.Assets.UploadFile(ctx, path, params)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, draw()); err != nil {
		return nil, err
	}
	params.Filename = "gradient.png"
	return client.Assets.Upload(ctx, bytes.NewReader(picture.Bytes()), params)
}

func draw() image.Image {
	picture := image.NewRGBA(image.Rect(0, 0, 256, 256))
	for i := range 256 * 256 {
		x, y := i%256, i/256
		picture.Set(x, y, color.RGBA{R: uint8(x), G: uint8(y), B: 128, A: 255})
	}
	return picture
}

func save(ctx context.Context, client *runflow.Client, file runflow.OutputFile, dir string) (err error) {
	output, err := os.CreateTemp(dir, "output-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, output.Close()) }()
	info, err := client.Runs.Download(ctx, file, output, runflow.DownloadParams{})
	if err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("%s-%d-%s", file.RunID, file.Index, info.Name))
	if err := os.Rename(output.Name(), path); err != nil {
		return err
	}
	fmt.Printf("saved %s: %s, %d bytes\n", path, info.ContentType, info.Size)
	return nil
}
