package runflow_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/testing/leak"
)

// The API has other headers, cookies and credentials than the storage host, even if
// both have the same address.
func TestAssetsService_Upload_OverTLS(t *testing.T) {
	t.Parallel()
	s := &uploadHost{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "canary", Path: "/"})
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(s.URL), runflow.WithHeader("X-Secret", "canary"), runflow.WithOrganization("canary"),
		runflow.WithHTTPClient(&http.Client{Transport: s.Client().Transport, Jar: jar}))
	require.NoError(t, err)
	var response runflow.Response
	asset, err := client.Assets.Upload(t.Context(), strings.NewReader(gif), runflow.UploadParams{Filename: "cat.gif"}, runflow.WithResponse(&response))
	require.NoError(t, err)
	assert.Equal(t, "a1", asset.ID)
	assert.Equal(t, 201, response.StatusCode, "of the confirmation")
	require.Len(t, s.received, 3)
	assert.NotEmpty(t, s.received[2].Header.Get("Cookie"))
	put := s.received[1]
	assert.Equal(t, gif, s.bodies[1])
	assert.Equal(t, http.Header{
		"Content-Type": {"image/gif"}, "Content-Length": {"20"}, "Accept-Encoding": {"gzip"}, "User-Agent": {"runflow-go/" + runflow.Version},
	}, put.Header)
}

func TestAssetsService_Upload_URLRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		baseURL, uploadURL, want string
	}{
		"http":                        {"http://api.test", "http://storage.test/put?s=canary", "must be an https URL, unless the API is on a loopback address"},
		"http, loopback":              {"http://api.test", "http://127.0.0.1/put?s=canary", "must be an https URL, unless the API is on a loopback address"},
		"ftp":                         {"http://api.test", "ftp://storage.test/put?s=canary", "must be an https URL, unless the API is on a loopback address"},
		"data":                        {"http://api.test", "data:,canary", "must be an https URL, unless the API is on a loopback address"},
		"relative":                    {"http://api.test", "/put?s=canary", "must be an https URL, unless the API is on a loopback address"},
		"empty":                       {"http://api.test", "", "must be an https URL, unless the API is on a loopback address"},
		"without a host":              {"http://api.test", "https:///put?s=canary", "must be an absolute http or https URL"},
		"invalid":                     {"http://api.test", "https://storage.test:canary/", "must be a valid URL"},
		"user info":                   {"http://api.test", "https://canary:canary@storage.test/put", "must not contain user info"},
		"link-local":                  {"http://api.test", "https://169.254.169.254/?s=canary", "must not be a link-local address"},
		"link-local, IPv6":            {"http://api.test", "https://[fe80::1]/?s=canary", "must not be a link-local address"},
		"API on loopback, ftp":        {"http://localhost", "ftp://storage.test/put?s=canary", "must be an absolute http or https URL"},
		"API on loopback, link-local": {"http://localhost", "http://169.254.169.254/?s=canary", "must not be a link-local address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &uploadHost{session: []string{fmt.Sprintf(`201 {"asset_id":"a1","upload_url":%q}`, tc.uploadURL)}}
			_, client := newUploadHost(t, s)
			address := strings.TrimPrefix(s.URL, "http://")
			transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address) // for each host
			}}
			t.Cleanup(transport.CloseIdleConnections)
			client, err := client.With(runflow.WithBaseURL(tc.baseURL), runflow.WithInsecureHTTP(), runflow.WithHTTPClient(&http.Client{Transport: transport}))
			require.NoError(t, err)
			_, err = client.Assets.Upload(t.Context(), strings.NewReader(gif), runflow.UploadParams{Filename: "a"})
			var failed *runflow.UploadError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, "session", failed.Step)
			requireDecodeError(t, err, "upload_url")
			assert.ErrorContains(t, err, "upload_url: "+tc.want)
			info, _ := runflow.CallInfoOf(err)
			assert.Equal(t, 1, info.Attempts)
			assert.Equal(t, "session", s.steps())
			var out leak.Recorder
			out.Chain(err)
			out.AssertNoSecret(t)
		})
	}
}

// A reader may be the output of another call of the SDK.
func TestAssetsService_Upload_ReaderFailsWithAPIError(t *testing.T) {
	t.Parallel()
	s, client := newUploadHost(t, &uploadHost{})
	r := struct {
		io.Reader
		io.Seeker
	}{iotest.ErrReader(&runflow.APIError{StatusCode: 403}), strings.NewReader(gif)}
	_, err := client.Assets.Upload(t.Context(), r, runflow.UploadParams{Filename: "a", MIMEType: "image/gif"})
	require.ErrorIs(t, err, runflow.ErrPermissionDenied)
	assert.NotContains(t, s.steps(), ">session", "the session has not expired")
}

// The storage host refuses a large stream before it has been read.
func TestAssetsService_Upload_LargeStreamIsRefused(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("x"), 4<<20)
	var puts int
	var received []byte
	var address string
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/asset-uploads", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"asset_id":"a1","upload_url":"%s/put"}`, address)
	})
	mux.HandleFunc("PUT /put", func(w http.ResponseWriter, r *http.Request) {
		if puts++; puts == 1 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		received, _ = io.ReadAll(r.Body)
	})
	mux.HandleFunc("POST /v1/asset-uploads/a1/confirmations", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"id":"a1"}`) })
	address = serve(t, mux.ServeHTTP)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(address))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	_, err = client.Assets.Upload(t.Context(), onlyReader{bytes.NewReader(data)}, runflow.UploadParams{Filename: "a", Size: int64(len(data))})
	require.NoError(t, err)
	assert.True(t, bytes.Equal(data, received))
}

// A read that blocks does not keep Upload from returning.
func TestAssetsService_Upload_BlockingReader(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		step   string
		params runflow.UploadParams
	}{
		"while it is copied":         {"preparation", runflow.UploadParams{Filename: "a"}},
		"while the type is detected": {"preparation", runflow.UploadParams{Filename: "a", Size: 20}},
		"while it is sent":           {"transfer", runflow.UploadParams{Filename: "a", Size: 20, MIMEType: "image/gif"}},
		"while its end is awaited":   {"transfer", runflow.UploadParams{Filename: "a", Size: 3, MIMEType: "image/gif"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := newUploadHost(t, &uploadHost{})
			r, w := io.Pipe()
			defer w.Close()
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				_, _ = io.WriteString(w, "GIF") // returns when it has been read
				cancel(errDisk)
			}()
			_, err := client.Assets.Upload(ctx, r, tc.params)
			var failed *runflow.UploadError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, tc.step, failed.Step)
			assert.Equal(t, tc.step == "transfer", failed.AssetID != "")
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, errDisk)
			var transportErr *runflow.TransportError
			require.ErrorAs(t, err, &transportErr)
		})
	}
}

// A step hangs until the attempts time out, or until the deadline of the context. A
// bubble does not end before all its goroutines do.
func TestAssetsService_Upload_StepHangs(t *testing.T) {
	t.Parallel()
	for step, hangs := range map[string]func(*http.Request) bool{
		"session":      func(r *http.Request) bool { return r.URL.Path == "/v1/asset-uploads" },
		"transfer":     func(r *http.Request) bool { return r.Method == http.MethodPut },
		"confirmation": func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/confirmations") },
	} {
		for timeout, attempts := range map[time.Duration]int{10 * time.Second: 1, time.Hour: 5} {
			t.Run(step+" within "+timeout.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := &uploadHost{uploadURL: "http://localhost/put?X-Signature=canary-signature"}
					client := inBubble(t, func(w http.ResponseWriter, r *http.Request) {
						if hangs(r) {
							_, _ = io.Copy(io.Discard, r.Body)
							<-r.Context().Done()
							return
						}
						s.ServeHTTP(w, r)
					})
					ctx, cancel := context.WithTimeout(t.Context(), timeout)
					defer cancel()
					_, err := client.Assets.Upload(ctx, onlyReader{strings.NewReader(gif)}, runflow.UploadParams{Filename: "a"})
					var failed *runflow.UploadError
					require.ErrorAs(t, err, &failed)
					assert.Equal(t, step, failed.Step)
					var transportErr *runflow.TransportError
					require.ErrorAs(t, err, &transportErr)
					assert.True(t, transportErr.Timeout())
					assert.Equal(t, attempts, transportErr.Attempts)
					assert.Equal(t, attempts == 1, errors.Is(err, context.DeadlineExceeded))
					if step != "session" {
						assert.Equal(t, "a1", failed.AssetID)
						assert.ErrorContains(t, err, "runflow: Assets.Upload: "+step+", asset a1: ")
					}
					var out leak.Recorder
					out.Chain(err)
					out.AssertNoSecret(t)
				})
			})
		}
	}
}

// The caller may read on after the upload, and closes the reader.
func TestAssetsService_Upload_DoesNotCloseReader(t *testing.T) {
	t.Parallel()
	for name, host := range map[string]*uploadHost{"success": {}, "session": {session: []string{"402 {}"}}, "transfer": {transfer: []string{"400 "}}} {
		_, client := newUploadHost(t, host)
		r := &closer{Reader: strings.NewReader(gif)}
		_, _ = client.Assets.Upload(t.Context(), r, runflow.UploadParams{Filename: "a"})
		assert.False(t, r.isClosed, name)
	}
}

type closer struct {
	*strings.Reader

	isClosed bool
}

func (c *closer) Close() error {
	c.isClosed = true
	return nil
}

func TestAssetsService_UploadFile_BadArguments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty, large := filepath.Join(dir, "empty"), filepath.Join(dir, "large")
	for path, size := range map[string]int64{empty: 0, large: 50<<20 + 1} {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Truncate(path, size))
	}
	s, client := newUploadHost(t, &uploadHost{})
	for _, path := range []string{empty, large} {
		_, err := client.Assets.UploadFile(t.Context(), path, runflow.UploadParams{})
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
		require.EqualError(t, err, "runflow: Assets.Upload: path: must be 1 to 52,428,800 bytes")
	}
	_, err := client.Assets.UploadFile(t.Context(), empty, runflow.UploadParams{Filename: "a", MIMEType: " image/png"})
	require.ErrorContains(t, err, "params.MIMEType: must have at most 255 printable ASCII characters, without a space at either end")
	for _, path := range []string{"", filepath.Join(empty, "below")} {
		_, err := client.Assets.UploadFile(t.Context(), path, runflow.UploadParams{})
		var pathErr *os.PathError
		require.ErrorAs(t, err, &pathErr)
		var failed *runflow.UploadError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, "preparation", failed.Step)
	}
	_, err = (*runflow.AssetsService)(nil).UploadFile(t.Context(), empty, runflow.UploadParams{})
	require.ErrorContains(t, err, "client: must be created by NewClient")
	assert.Empty(t, s.received)
}

// The largest file that is allowed is not refused by the SDK.
func TestAssetsService_Upload_LargestFile(t *testing.T) {
	t.Parallel()
	s, client := newUploadHost(t, &uploadHost{session: []string{"402 {}"}})
	_, err := client.Assets.Upload(t.Context(), io.NewSectionReader(zeros{}, 0, 50<<20), runflow.UploadParams{Filename: strings.Repeat("é", 500)})
	require.ErrorIs(t, err, runflow.ErrInsufficientCredit)
	assert.Contains(t, s.bodies[0], `"size_bytes":52428800`)
}

const sampleAsset = `{
	"id": "a1", "org_id": "o-1", "folder_id": "f-1", "name": "cat.png", "r2_key": "o-1/a1", "url": "https://storage.example/a1?s=1",
	"thumbnail_url": "https://storage.example/a1-small?s=1", "mime_type": "image/png", "size_bytes": 12, "asset_type": "image",
	"source_type": "upload", "source_id": "u-1", "created_by": "u-1", "created_at": "2026-05-06T10:00:00Z", "updated_at": "2026-05-06T10:00:01Z",
	"deleted_at": "2026-05-06T10:00:02Z", "deleted_by": "u-2",
	"created_by_user": {"id": "u-1", "email": "ann@example.com", "first_name": "Ann", "last_name": "Lee", "avatar_url": "https://example.com/ann.png"}
}`

func getAsset(ctx context.Context, c *runflow.Client) (*runflow.Asset, error) {
	return c.Assets.Get(ctx, "a1", runflow.GetAssetParams{})
}

func TestAsset_DecodesSample(t *testing.T) {
	t.Parallel()
	sample[runflow.Asset]{json: sampleAsset, call: getAsset, strict: []string{"id"}, required: []string{"id"}}.check(t)
}

func FuzzAsset(f *testing.F) { fuzzResponse(f, getAsset, sampleAsset, `{"id":"a1","size_bytes":"12"}`) }

func TestAssetsService_Exchanges(t *testing.T) {
	t.Parallel()
	checkExchanges(t, map[string]exchange{
		"Get": {
			call:   func(ctx context.Context, c *runflow.Client) (any, error) { return getAsset(ctx, c) },
			method: "GET", uri: "/v1/assets/a1", response: `{"id":"a1"}`, want: &runflow.Asset{ID: "a1"},
		},
		"Get with params": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Assets.Get(ctx, "a", runflow.GetAssetParams{Embed: []runflow.AssetEmbed{runflow.AssetEmbedCreatedByUser}, Fields: []string{"url"}})
			},
			method: "GET", uri: "/v1/assets/a?embed=created_by_user&fields=url%2Cid", response: `{"id":"a"}`, want: &runflow.Asset{ID: "a"},
		},
		"ListTypes": {
			call:   func(ctx context.Context, c *runflow.Client) (any, error) { return c.Assets.ListTypes(ctx) },
			method: "GET", uri: "/v1/assets/types", response: `{"items":["image"]}`,
			want: &runflow.Page[runflow.ReferenceItem]{Items: []runflow.ReferenceItem{{Code: "image", Raw: runflow.JSON(`"image"`)}}},
		},
	})
}

func TestAssetsService_Get_BadArguments(t *testing.T) {
	t.Parallel()
	get := func(assetID string) func(context.Context, *runflow.Client) error {
		return func(ctx context.Context, c *runflow.Client) error {
			_, err := c.Assets.Get(ctx, assetID, runflow.GetAssetParams{})
			return err
		}
	}
	checkRefused(t, map[string]func(context.Context, *runflow.Client) error{
		"Assets.Get: assetID: must not be empty":           get(""),
		"Assets.Get: assetID: must not contain a slash":    get("a/b"),
		`Assets.Get: assetID: must not be AnyID ("any")`:   get(runflow.AnyID),
		"Assets.Get: assetID: must not be a relative path": get(".."),
	})
}

// Whatever the API sends as a session, the file goes only to the URL in it, and never
// to a URL that is not allowed.
func FuzzUploadSession(f *testing.F) {
	for _, seed := range []string{
		`{"asset_id":"a1","upload_url":"https://storage.example/put?s=1"}`, `{"asset_id":"..","upload_url":"https://storage.example"}`,
		`{"asset_id":"a1","upload_url":"http://169.254.169.254"}`, `{"asset_id":7,"upload_url":[]}`, `{}`, `null`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, session string) {
		var target *url.URL
		transport := roundTripper(func(req *http.Request) (*http.Response, error) {
			body := session
			if req.Body != nil {
				_, _ = io.Copy(io.Discard, req.Body)
			}
			switch {
			case req.Method == http.MethodPut:
				target, body = req.URL, ""
				assert.Empty(t, req.Header.Get("Authorization"))
			case strings.HasSuffix(req.URL.Path, "/confirmations"):
				body = `{"id":"a1"}`
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
		})
		client, err := runflow.NewClient(token, runflow.WithHTTPClient(&http.Client{Transport: transport}), runflow.WithMaxRetries(0))
		require.NoError(t, err)
		_, err = client.Assets.Upload(t.Context(), strings.NewReader(gif), runflow.UploadParams{Filename: "a"})
		if target != nil {
			assert.Equal(t, "https", target.Scheme)
			assert.NotEmpty(t, target.Hostname())
		}
		if err == nil {
			assert.NotNil(t, target)
			return
		}
		var failed *runflow.UploadError
		require.ErrorAs(t, err, &failed)
		assert.True(t, target != nil || failed.Step == "session")
	})
}
