package runflow_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/runflow-io/runflow-go"
)

func ExampleAssetsService_Upload() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	picture := strings.NewReader("\x89PNG\r\n\x1a\n…")
	asset, err := client.Assets.Upload(ctx, picture, runflow.UploadParams{
		Filename: "shirt.png",
		OnProgress: func(sent, total int64) {
			fmt.Println(sent, "of", total, "bytes")
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(asset.Name, asset.MIMEType)

	// The reference does not expire. The API replaces it by a URL.
	run, err := client.Models.CreateRun(ctx, "acme/tag-removal", runflow.CreateRunParams{
		Input: map[string]any{"image": asset.Ref()},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.StatusCode)
	// Output:
	// 0 of 11 bytes
	// 11 of 11 bytes
	// shirt.png image/png
	// queued
}

func ExampleAssetsService_UploadFile() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "mask.svg")
	if err := os.WriteFile(path, []byte("<svg/>"), 0o600); err != nil {
		log.Fatal(err)
	}

	asset, err := client.Assets.UploadFile(ctx, path, runflow.UploadParams{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(asset.Name, asset.MIMEType, *asset.SizeBytes, "bytes")
	// Output: mask.svg image/svg+xml 6 bytes
}

func ExampleUploadError() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	_, err := client.Assets.UploadFile(ctx, "missing.png", runflow.UploadParams{})
	if failed, ok := errors.AsType[*runflow.UploadError](err); ok {
		fmt.Println(failed.Step, errors.Is(err, os.ErrNotExist))
	}
	// Output: preparation true
}

func ExampleAssetsService_Get() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)
	asset, err := client.Assets.Upload(ctx, strings.NewReader("GIF89a…"), runflow.UploadParams{Filename: "cat.gif"})
	if err != nil {
		log.Fatal(err)
	}

	// The URL of an asset expires. Get returns the asset with a new one.
	asset, err = client.Assets.Get(ctx, asset.ID, runflow.GetAssetParams{Fields: []string{"name", "url"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(asset.Name, asset.URL != "")
	// Output: cat.gif true
}

func ExampleAssetsService_ListTypes() {
	server, _ := newServer()
	defer server.Close()

	types, err := newClient(server).Assets.ListTypes(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, item := range types.Items[:2] {
		fmt.Println(item.Code)
	}
	// Output:
	// image/png
	// image/jpeg
}
