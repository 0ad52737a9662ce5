package runflow_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/testing/leak"
)

const gif = "GIF89a, as it begins"

// An uploadHost is an API and a storage host at the same address.
type uploadHost struct {
	*httptest.Server

	// Responses to the requests of each step, of which the last is repeated. An empty
	// one is a success, and "reset" closes the connection.
	session, transfer, confirmation []string
	uploadURL                       string // "" means a valid one

	mu       sync.Mutex
	received []*http.Request
	bodies   []string
}

func newUploadHost(t *testing.T, s *uploadHost) (*uploadHost, *runflow.Client) {
	t.Helper()
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(s.URL), runflow.WithHTTPClient(&http.Client{Transport: newTransport(t)}),
		runflow.WithRetryBackoff(1, 1), runflow.WithHeader("X-Secret", "canary-header"), runflow.WithOrganization("canary-organization"))
	require.NoError(t, err)
	return s, client
}

func newTransport(t *testing.T) *http.Transport {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// next removes the first of the responses, unless it is the last.
func next(responses *[]string) string {
	if len(*responses) == 0 {
		return ""
	}
	first := (*responses)[0]
	if len(*responses) > 1 {
		*responses = (*responses)[1:]
	}
	return first
}

func (s *uploadHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received, s.bodies = append(s.received, r), append(s.bodies, string(data))
	var response string
	switch {
	case r.URL.Path == "/v1/asset-uploads":
		url := s.uploadURL
		if url == "" {
			url = s.URL + "/put?X-Signature=canary-signature"
		}
		response = next(&s.session)
		if response == "" {
			response = `201 {"asset_id":"a1","upload_url":"` + url + `"}`
		}
	case r.Method == http.MethodPut:
		if response = next(&s.transfer); response == "" {
			response = "200 "
		}
	default:
		if response = next(&s.confirmation); response == "" {
			response = `201 {"id":"a1","name":"cat.gif"}`
		}
	}
	if response == "reset" {
		panic(http.ErrAbortHandler)
	}
	var status int
	_, _ = fmt.Sscanf(response, "%d", &status)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, response[4:])
}

// steps returns the methods and paths of the requests.
func (s *uploadHost) steps() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var steps []string
	for _, r := range s.received {
		steps = append(steps, map[string]string{"/v1/asset-uploads": "session", "/put": "transfer"}[r.URL.Path])
		if steps[len(steps)-1] == "" {
			steps[len(steps)-1] = "confirmation"
		}
	}
	return strings.Join(steps, ">")
}

// onlyReader hides all methods but Read.
type onlyReader struct{ io.Reader }

func TestAssetsService_Upload_Requests(t *testing.T) {
	t.Parallel()
	s, client := newUploadHost(t, &uploadHost{})
	asset, err := client.Assets.Upload(t.Context(), strings.NewReader(gif), runflow.UploadParams{Filename: "cat.gif", FolderID: "f1"})
	require.NoError(t, err)
	assert.Equal(t, "runflow://assets/a1", asset.Ref())
	require.Equal(t, "session>transfer>confirmation", s.steps())
	assert.JSONEq(t, `{"filename":"cat.gif","mime_type":"image/gif","size_bytes":20}`, s.bodies[0])
	assert.Equal(t, gif, s.bodies[1])
	assert.Equal(t, "/v1/asset-uploads/a1/confirmations", s.received[2].URL.Path)
	assert.JSONEq(t, `{"folder_id":"f1"}`, s.bodies[2])
	put := s.received[1]
	assert.Equal(t, int64(20), put.ContentLength)
	assert.Empty(t, put.TransferEncoding)
	assert.Equal(t, "X-Signature=canary-signature", put.URL.RawQuery)
	put.Header.Del("User-Agent")
	put.Header.Del("Content-Length")
	put.Header.Del("Accept-Encoding")
	assert.Equal(t, http.Header{"Content-Type": {"image/gif"}}, put.Header, "no token and no headers of the SDK")
}

func TestAssetsService_Upload_TypeAndSize(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reader         io.Reader
		params         runflow.UploadParams
		wantType, want string
	}{
		"content":            {strings.NewReader(gif), runflow.UploadParams{Filename: "cat.png"}, "image/gif", gif},
		"name":               {strings.NewReader("a,b"), runflow.UploadParams{Filename: "a.json"}, "application/json", "a,b"},
		"given type":         {strings.NewReader(gif), runflow.UploadParams{Filename: "a", MIMEType: "image/webp"}, "image/webp", gif},
		"Len":                {bytes.NewBufferString(gif), runflow.UploadParams{Filename: "a"}, "image/gif", gif},
		"given size":         {onlyReader{strings.NewReader(gif)}, runflow.UploadParams{Filename: "a", Size: 20}, "image/gif", gif},
		"stream":             {onlyReader{strings.NewReader(gif)}, runflow.UploadParams{Filename: "a"}, "image/gif", gif},
		"from its position":  {after(strings.NewReader("head"+gif), 4), runflow.UploadParams{Filename: "a"}, "image/gif", gif},
		"one byte at a time": {io.MultiReader(strings.NewReader("G"), strings.NewReader(gif[1:])), runflow.UploadParams{Filename: "a"}, "image/gif", gif},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := newUploadHost(t, &uploadHost{})
			_, err := client.Assets.Upload(t.Context(), tc.reader, tc.params)
			require.NoError(t, err)
			assert.Equal(t, tc.want, s.bodies[1])
			assert.Equal(t, tc.wantType, s.received[1].Header.Get("Content-Type"))
			assert.Contains(t, s.bodies[0], fmt.Sprintf(`"size_bytes":%d`, len(tc.want)))
		})
	}
}

func after(r io.ReadSeeker, offset int64) io.Reader {
	_, _ = r.Seek(offset, io.SeekStart)
	return r
}

func TestAssetsService_Upload_BadArguments(t *testing.T) {
	t.Parallel()
	good := runflow.UploadParams{Filename: "a"}
	for name, tc := range map[string]struct {
		reader io.Reader
		params runflow.UploadParams
		opts   []runflow.CallOption
		want   string
	}{
		"no reader":          {nil, good, nil, "r: must not be nil"},
		"empty":              {strings.NewReader(""), good, nil, "r: must be 1 to 52,428,800 bytes"},
		"empty stream":       {onlyReader{strings.NewReader("")}, good, nil, "r: must be 1 to 52,428,800 bytes"},
		"too large":          {io.NewSectionReader(zeros{}, 0, 50<<20+1), good, nil, "r: must be 1 to 52,428,800 bytes"},
		"stream too large":   {onlyReader{zeros{}}, good, nil, "r: must be 1 to 52,428,800 bytes"},
		"negative size":      {strings.NewReader(gif), runflow.UploadParams{Filename: "a", Size: -1}, nil, "params.Size: must be 1 to 52,428,800 bytes"},
		"size too large":     {strings.NewReader(gif), runflow.UploadParams{Filename: "a", Size: 50<<20 + 1}, nil, "params.Size: must be 1 to 52,428,800 bytes"},
		"no name":            {strings.NewReader(gif), runflow.UploadParams{}, nil, "params.Filename: must have 1 to 500 characters of valid UTF-8"},
		"long name":          {strings.NewReader(gif), runflow.UploadParams{Filename: strings.Repeat("é", 501)}, nil, "params.Filename: must have 1 to 500 characters of valid UTF-8"},
		"type, control":      {strings.NewReader(gif), runflow.UploadParams{Filename: "a", MIMEType: "image/png\r\nX: y"}, nil, "params.MIMEType: must have at most 255 printable ASCII characters, without a space at either end"},
		"type, long":         {strings.NewReader(gif), runflow.UploadParams{Filename: "a", MIMEType: strings.Repeat("a", 256)}, nil, "params.MIMEType: must have at most 255 printable ASCII characters, without a space at either end"},
		"folder":             {strings.NewReader(gif), runflow.UploadParams{Filename: "a", FolderID: "\xff"}, nil, "params.FolderID: must be valid UTF-8"},
		"WithQuery":          {strings.NewReader(gif), good, []runflow.CallOption{runflow.WithQuery("a", "b")}, "WithQuery: must not be given to an upload"},
		"WithIdempotencyKey": {strings.NewReader(gif), good, []runflow.CallOption{runflow.WithIdempotencyKey("k")}, "WithIdempotencyKey: must not be given to an idempotent call"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := newUploadHost(t, &uploadHost{})
			_, err := client.Assets.Upload(t.Context(), tc.reader, tc.params, tc.opts...)
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			require.EqualError(t, err, "runflow: Assets.Upload: "+tc.want)
			assert.Empty(t, s.received)
		})
	}
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error)            { return len(p), nil }
func (zeros) ReadAt(p []byte, _ int64) (int, error) { return len(p), nil }

func TestAssetsService_Upload_Retries(t *testing.T) {
	t.Parallel()
	const both = "session>transfer>transfer>confirmation"
	stream := func() io.Reader { return onlyReader{strings.NewReader(gif)} }
	seeker := func() io.Reader { return strings.NewReader(gif) }
	for name, tc := range map[string]struct {
		storage *uploadHost
		reader  io.Reader
		size    int64
		want    string
		fails   string // step that fails
	}{
		"session, 503":              {storage: &uploadHost{session: []string{"503 ", ""}}, reader: seeker(), want: "session>session>transfer>confirmation"},
		"transfer, 503":             {storage: &uploadHost{transfer: []string{"503 ", ""}}, reader: seeker(), want: both},
		"transfer, reset":           {storage: &uploadHost{transfer: []string{"reset", ""}}, reader: seeker(), want: both},
		"transfer of a spooled":     {storage: &uploadHost{transfer: []string{"503 ", ""}}, reader: stream(), want: both},
		"transfer of a stream":      {storage: &uploadHost{transfer: []string{"503 ", ""}}, reader: stream(), size: 20, want: "session>transfer", fails: "transfer"},
		"session has expired":       {storage: &uploadHost{transfer: []string{"403 ", ""}}, reader: seeker(), want: "session>transfer>session>transfer>confirmation"},
		"session expires again":     {storage: &uploadHost{transfer: []string{"403 "}}, reader: seeker(), want: "session>transfer>session>transfer", fails: "transfer"},
		"expired, a stream":         {storage: &uploadHost{transfer: []string{"403 "}}, reader: stream(), size: 20, want: "session>transfer", fails: "transfer"},
		"no new session":            {storage: &uploadHost{transfer: []string{"403 "}, session: []string{"", "402 {}"}}, reader: seeker(), want: "session>transfer>session", fails: "session"},
		"transfer, 400":             {storage: &uploadHost{transfer: []string{"400 "}}, reader: seeker(), want: "session>transfer", fails: "transfer"},
		"transfer, error in 200":    {storage: &uploadHost{transfer: []string{"200 <?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>"}}, reader: seeker(), want: "session" + strings.Repeat(">transfer", 5), fails: "transfer"},
		"confirmation, 503":         {storage: &uploadHost{confirmation: []string{"503 ", ""}}, reader: seeker(), want: "session>transfer>confirmation>confirmation"},
		"confirmation, 422":         {storage: &uploadHost{confirmation: []string{"422 {}"}}, reader: seeker(), want: "session>transfer>confirmation", fails: "confirmation"},
		"confirmation without id":   {storage: &uploadHost{confirmation: []string{"201 {}"}}, reader: seeker(), want: "session>transfer>confirmation", fails: "confirmation"},
		"session without asset_id":  {storage: &uploadHost{session: []string{`201 {"upload_url":"https://storage"}`}}, reader: seeker(), want: "session", fails: "session"},
		"session with a path as id": {storage: &uploadHost{session: []string{`201 {"asset_id":"../x","upload_url":"https://storage"}`}}, reader: seeker(), want: "session", fails: "session"},
		"session without URL":       {storage: &uploadHost{session: []string{`201 {"asset_id":"a1"}`}}, reader: seeker(), want: "session", fails: "session"},
		"session, other scheme":     {storage: &uploadHost{uploadURL: "ftp://storage/put"}, reader: seeker(), want: "session", fails: "session"},
		"session, plain http":       {storage: &uploadHost{uploadURL: "http://storage.example/put"}, reader: seeker(), want: "session", fails: "session"},
		"session, link-local":       {storage: &uploadHost{uploadURL: "https://169.254.169.254/put"}, reader: seeker(), want: "session", fails: "session"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := newUploadHost(t, tc.storage)
			asset, err := client.Assets.Upload(t.Context(), tc.reader, runflow.UploadParams{Filename: "a", Size: tc.size})
			assert.Equal(t, tc.want, s.steps())
			for i, r := range s.received {
				if r.Method == http.MethodPut {
					assert.Equal(t, gif, s.bodies[i])
				}
			}
			if tc.fails == "" {
				require.NoError(t, err)
				assert.Equal(t, "a1", asset.ID)
				return
			}
			var failed *runflow.UploadError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, tc.fails, failed.Step)
			if tc.fails != "session" {
				assert.Equal(t, "a1", failed.AssetID)
				assert.Contains(t, err.Error(), tc.fails+", asset a1: ")
			}
			info, ok := runflow.CallInfoOf(err)
			assert.True(t, ok)
			assert.Equal(t, "Assets.Upload", info.Operation)
			var out leak.Recorder
			out.Chain(err)
			out.AssertNoSecret(t)
		})
	}
}

var errDisk = errors.New("the disk is broken")

func TestAssetsService_Upload_BadReader(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reader io.Reader
		size   int64
		want   string
		is     error
	}{
		"fails":          {io.MultiReader(strings.NewReader(strings.Repeat("a", 1000)), failing{}), 2000, "transfer, asset a1: file: the disk is broken", errDisk},
		"fails at once":  {failing{}, 30, "preparation: file: the disk is broken", errDisk},
		"fails as spool": {io.MultiReader(strings.NewReader(gif), failing{}), 0, "preparation: file: the disk is broken", errDisk},
		"shorter":        {onlyReader{strings.NewReader(gif)}, 30, "transfer, asset a1: file: it has fewer bytes than its size: unexpected EOF", io.ErrUnexpectedEOF},
		"longer":         {strings.NewReader(gif), 10, "transfer, asset a1: file: it has more bytes than its size", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := newUploadHost(t, &uploadHost{})
			_, err := client.Assets.Upload(t.Context(), tc.reader, runflow.UploadParams{Filename: "a", Size: tc.size})
			require.EqualError(t, err, "runflow: Assets.Upload: "+tc.want)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
			assert.NotContains(t, s.steps(), "confirmation")
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errDisk }

// The context ends in each of the steps.
func TestAssetsService_Upload_Cancelled(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"session", "transfer", "confirmation"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, client := newUploadHost(t, &uploadHost{})
			stop := runflow.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(req *http.Request) (*http.Response, error) {
					isPut, isConfirmation := req.Method == http.MethodPut, strings.HasSuffix(req.URL.Path, "/confirmations")
					if isPut == (step == "transfer") && isConfirmation == (step == "confirmation") {
						cancel()
					}
					return next.RoundTrip(req)
				})
			})
			client, err := client.With(stop)
			require.NoError(t, err)
			_, err = client.Assets.Upload(ctx, strings.NewReader(gif), runflow.UploadParams{Filename: "a"})
			require.ErrorIs(t, err, context.Canceled)
			var failed *runflow.UploadError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, step, failed.Step)
			assert.Equal(t, step != "session", failed.AssetID != "")
		})
	}
}

func TestAssetsService_Upload_Progress(t *testing.T) {
	t.Parallel()
	_, client := newUploadHost(t, &uploadHost{transfer: []string{"503 ", ""}})
	var seen []int64
	content := bytes.Repeat([]byte("a"), 1<<20)
	_, err := client.Assets.Upload(t.Context(), bytes.NewReader(content), runflow.UploadParams{
		Filename: "a", OnProgress: func(sent, total int64) {
			assert.Equal(t, int64(len(content)), total)
			seen = append(seen, sent)
		},
	})
	require.NoError(t, err)
	require.NotEmpty(t, seen)
	restarts := 0
	for i := range seen[1:] {
		if seen[i+1] < seen[i] {
			assert.Zero(t, seen[i+1])
			restarts++
		}
	}
	assert.Zero(t, seen[0])
	assert.Equal(t, 1, restarts)
	assert.Equal(t, int64(len(content)), seen[len(seen)-1])
}

func TestAssetsService_Upload_RemovesTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, s := range []*uploadHost{{}, {session: []string{"402 {}"}}, {transfer: []string{"400 "}}} {
		_, client := newUploadHost(t, s)
		_, _ = client.Assets.Upload(t.Context(), onlyReader{strings.NewReader(gif)}, runflow.UploadParams{Filename: "a"})
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, left)
	}
}

func TestAssetsService_UploadFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "cat.gif")
	require.NoError(t, os.WriteFile(path, []byte(gif), 0o600))
	s, client := newUploadHost(t, &uploadHost{})
	_, err := client.Assets.UploadFile(t.Context(), path, runflow.UploadParams{})
	require.NoError(t, err)
	assert.JSONEq(t, `{"filename":"cat.gif","mime_type":"image/gif","size_bytes":20}`, s.bodies[0])

	_, err = client.Assets.UploadFile(t.Context(), filepath.Join(dir, "missing"), runflow.UploadParams{})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = client.Assets.UploadFile(t.Context(), dir, runflow.UploadParams{})
	require.EqualError(t, err, "runflow: Assets.Upload: preparation: file: it is a directory")
	assert.Len(t, s.received, 3)
}

func TestAssetsService_UploadFile_ChangesMeanwhile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cat.gif")
	require.NoError(t, os.WriteFile(path, []byte(gif), 0o600))
	s, client := newUploadHost(t, &uploadHost{})
	_, err := client.Assets.UploadFile(t.Context(), path, runflow.UploadParams{OnProgress: func(sent, total int64) {
		if sent == total {
			assert.NoError(t, os.Chtimes(path, time.Time{}, time.Unix(1, 0)))
		}
	}})
	require.EqualError(t, err, "runflow: Assets.Upload: transfer, asset a1: file: it was changed while it was sent")
	assert.Equal(t, "session>transfer", s.steps())
}

func TestAssetsService_Get(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"a1","size_bytes":12,"created_by_user":{"email":"ann@example.com"}}`)
	asset, err := server.client(t).Assets.Get(t.Context(), "a1", runflow.GetAssetParams{
		Embed: []runflow.AssetEmbed{runflow.AssetEmbedCreatedByUser}, Fields: []string{"id", "size_bytes"},
	})
	require.NoError(t, err)
	assert.Equal(t, int64(12), *asset.SizeBytes)
	assert.Equal(t, "ann@example.com", asset.CreatedByUser.Email)
	assert.Empty(t, (*runflow.Asset)(nil).Ref())
}
