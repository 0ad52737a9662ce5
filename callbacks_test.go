package runflow_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

const (
	secret    = "whsec_canary-secret-0123456789"
	completed = `{"event":"run.completed","run_id":"run-1","status":"succeeded","output":{"image_urls":["https://storage.runflow.io/a.webp"]},"duration_ms":102345,"created_at":"2026-05-06T10:00:00.000+00:00","completed_at":"2026-05-06T10:01:42.000+00:00","metadata":{"user":"ann"}}`
)

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func verifier(t testing.TB, secrets ...string) *runflow.CallbackVerifier { //nolint:thelper // it is a constructor
	t.Helper()
	v, err := runflow.NewCallbackVerifier(secrets...)
	require.NoError(t, err)
	return v
}

func TestOnlyTheExactBytesAndTheExactSignatureAreValid(t *testing.T) {
	t.Parallel()
	good := sign(secret, completed)
	for name, tc := range map[string]struct {
		body, signature string
		valid           bool
	}{
		"signed":                {completed, good, true},
		"by the second secret":  {completed, sign("whsec_new", completed), true},
		"an empty body":         {"", sign(secret, ""), true},
		"another body":          {completed + " ", good, false},
		"another secret":        {completed, sign("whsec_other", completed), false},
		"without the prefix":    {completed, sign(strings.TrimPrefix(secret, "whsec_"), completed), false},
		"upper case":            {completed, strings.ToUpper(good), false},
		"too short":             {completed, good[:63], false},
		"too long":              {completed, good + "0", false},
		"with a prefix":         {completed, "sha256=" + good, false},
		"no hexadecimal digits": {completed, strings.Repeat("g", 64), false},
		"zeros":                 {completed, strings.Repeat("0", 64), false},
		"none":                  {completed, "", false},
	} {
		err := verifier(t, secret, "whsec_new").Verify([]byte(tc.body), tc.signature)
		if tc.valid {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, runflow.ErrInvalidSignature, name)
		}
	}
	for _, v := range []*runflow.CallbackVerifier{nil, {}} {
		require.ErrorIs(t, v.Verify(nil, sign("", "")), runflow.ErrInvalidSignature, "without secrets nothing is valid")
	}
}

func TestBadSecretsAreRefused(t *testing.T) {
	t.Parallel()
	_, err := runflow.NewCallbackVerifier()
	require.EqualError(t, err, "runflow: NewCallbackVerifier: secrets: must be at least one")
	_, err = runflow.NewCallbackVerifier("", "good", "canary\n")
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	require.ErrorContains(t, err, "secrets[0]: must not be empty")
	require.ErrorContains(t, err, "secrets[2]: must not be empty")
	assert.NotContains(t, err.Error(), "canary")
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	v := verifier(t, secret)
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		_, _ = fmt.Fprintf(&out, verb, v)
		_, _ = fmt.Fprintf(&out, verb, *v)
		_, _ = fmt.Fprintf(&out, verb, struct{ V any }{v})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", *v)
	data, err := json.Marshal(v)
	require.NoError(t, err)
	assert.NotContains(t, out.String()+string(data), "canary")
	assert.NotContains(t, out.String(), hex.EncodeToString([]byte("canary")))
}

func callback(t testing.TB, body string, signatures ...string) *http.Request { //nolint:thelper // it is a constructor
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hook", strings.NewReader(body))
	for _, s := range signatures {
		r.Header.Add("Runflow-Signature", s)
	}
	return r
}

func TestParseReadsAnEvent(t *testing.T) {
	t.Parallel()
	event, err := verifier(t, secret).Parse(callback(t, completed, sign(secret, completed)))
	require.NoError(t, err)
	ms, created := int64(102345), time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)
	assert.Equal(t, "run.completed", event.Event)
	assert.Equal(t, "run-1", event.RunID)
	assert.Equal(t, runflow.RunStatusSucceeded, event.Status)
	assert.Equal(t, &ms, event.DurationMS)
	assert.True(t, created.Equal(*event.CreatedAt))
	assert.True(t, created.Add(102*time.Second).Equal(*event.CompletedAt))
	assert.Equal(t, `{"user":"ann"}`, event.Metadata.String())
	assert.Equal(t, completed, event.Raw.String())
	require.Len(t, event.Outputs(), 1)
	assert.Equal(t, "https://storage.runflow.io/a.webp", event.Outputs()[0].URL)
	assert.Empty(t, (*runflow.CallbackEvent)(nil).Outputs())

	for body, want := range map[string]runflow.CallbackEvent{
		`{"event":"batch.succeeded","batch_id":"b","status":"partial_succeeded","output":{"items":[]}}`:                       {Event: "batch.succeeded", BatchID: "b", Status: "partial_succeeded", Output: runflow.JSON(`{"items":[]}`)},
		`{"event":"run.cancelled","run_id":"r","status":"canceled","output":null,"metadata":null}`:                            {Event: "run.cancelled", RunID: "r", Status: "cancelled", Output: runflow.JSON("null"), Metadata: runflow.JSON("null")},
		`{"event":"run.invented","status":"new","more":1}`:                                                                    {Event: "run.invented", Status: "new"},
		`{"event":null,"run_id":null,"batch_id":null,"status":null,"duration_ms":null,"created_at":null,"completed_at":null}`: {},
		`{}`: {},
	} {
		event, err := verifier(t, secret).Parse(callback(t, body, sign(secret, body)))
		require.NoError(t, err, body)
		want.Raw = runflow.JSON(body)
		assert.Equal(t, &want, event)
	}
}

func TestParseRefusesWhatIsNoCallback(t *testing.T) {
	t.Parallel()
	small := verifier(t, secret)
	small.MaxBodyBytes = int64(len(completed))
	signed := func(body string) *http.Request { return callback(t, body, sign(secret, body)) }
	get := signed(completed)
	get.Method = http.MethodGet
	broken := signed(completed)
	broken.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
	chunked := signed(completed + " ")
	chunked.ContentLength = -1
	bodiless := signed("")
	bodiless.Body = nil
	for name, tc := range map[string]struct {
		request *http.Request
		status  int
		err     error
	}{
		"as large as allowed":    {signed(completed), 200, nil},
		"larger":                 {signed(completed + " "), 413, runflow.ErrCallbackTooLarge},
		"larger, without a word": {chunked, 413, runflow.ErrCallbackTooLarge},
		"not POST":               {get, 405, nil},
		"no request":             {nil, 405, nil},
		"broken off":             {broken, 400, io.ErrUnexpectedEOF},
		"no body":                {bodiless, 400, nil},
		"unsigned":               {callback(t, completed), 401, runflow.ErrInvalidSignature},
		"signed twice":           {callback(t, completed, sign(secret, completed), sign(secret, completed)), 401, runflow.ErrInvalidSignature},
		"forged":                 {callback(t, completed, sign("canary", completed)), 401, runflow.ErrInvalidSignature},
		"forged junk":            {callback(t, "junk", sign("canary", "junk")), 401, runflow.ErrInvalidSignature},
		"junk":                   {signed("canary"), 400, nil},
		"a list":                 {signed("[]"), 400, nil},
		"null":                   {signed("null"), 400, nil},
		"cut off":                {signed(`{"event":"canary`), 400, io.ErrUnexpectedEOF},
		"a malformed field":      {signed(`{"duration_ms":"canary"}`), 400, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := small.Parse(tc.request)
			if tc.status == 200 {
				require.NoError(t, err)
				return
			}
			assert.Nil(t, event)
			var refused *runflow.CallbackError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, tc.status, refused.StatusCode)
			if tc.err != nil {
				require.ErrorIs(t, err, tc.err)
			}
			for _, verb := range []string{"%v", "%+v", "%#v"} {
				text := fmt.Sprintf(verb, err)
				assert.NotContains(t, text, "canary")
				assert.True(t, strings.HasPrefix(text, fmt.Sprintf("runflow: callback refused with %d: ", tc.status)), text)
			}
			text, _ := refused.MarshalText()
			assert.Equal(t, err.Error(), string(text))
		})
	}
	assert.Equal(t, "runflow: callback refused with 400", (&runflow.CallbackError{StatusCode: 400}).Error())
}

func TestTheLimitOfABodyIsAnyNumber(t *testing.T) {
	t.Parallel()
	large := completed + strings.Repeat(" ", 1<<20-len(completed))
	for _, tc := range []struct {
		limit int64
		body  string
		err   error
	}{
		{0, large, nil},
		{0, large + " ", runflow.ErrCallbackTooLarge},
		{-1, large, nil},
		{1 << 21, large + " ", nil},
		{math.MaxInt64, large + " ", nil},
	} {
		v := verifier(t, secret)
		v.MaxBodyBytes = tc.limit
		r := callback(t, tc.body, sign(secret, tc.body))
		r.ContentLength = -1
		_, err := v.Parse(r)
		require.ErrorIs(t, err, tc.err, "%d bytes, at most %d", len(tc.body), tc.limit)
	}
}

func TestABodyThatMiddlewareFindsTooLargeIsTooLarge(t *testing.T) {
	t.Parallel()
	r := callback(t, completed, sign(secret, completed))
	r.Body = http.MaxBytesReader(nil, r.Body, 10)
	_, err := verifier(t, secret).Parse(r)
	require.ErrorIs(t, err, runflow.ErrCallbackTooLarge)
}

// receiver is a backend with a callback URL.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	events []string
	errs   []error
}

func newReceiver(t *testing.T, handle func(context.Context, *runflow.CallbackEvent) error, opts ...runflow.CallbackOption) *receiver {
	t.Helper()
	r := &receiver{}
	handler := verifier(t, secret).Handler(func(ctx context.Context, event *runflow.CallbackEvent) error {
		r.mu.Lock()
		r.events = append(r.events, event.Event+" "+event.RunID+event.BatchID)
		r.mu.Unlock()
		return handle(ctx, event)
	}, append(opts, nil, runflow.WithCallbackErrors(func(_ context.Context, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.errs = append(r.errs, err)
	}))...)
	r.Server = httptest.NewUnstartedServer(handler)
	r.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	r.Start()
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) deliver(t *testing.T, body, signature string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Runflow-Signature", signature)
	resp, err := r.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data)
}

func succeed(context.Context, *runflow.CallbackEvent) error { return nil }

func TestEachEventIsHandledOnce(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, succeed)
	const failed, batch, unknown = `{"event":"run.failed","run_id":"run-1"}`, `{"event":"run.completed","batch_id":"run-1"}`, `{"event":"news"}`
	for range 3 {
		for _, body := range []string{completed, failed, batch, unknown, completed + "\n", batch + "\n"} {
			status, text := r.deliver(t, body, sign(secret, body))
			assert.Equal(t, 200, status)
			assert.Equal(t, "ok\n", text)
		}
	}
	assert.Equal(t, []string{"run.completed run-1", "run.failed run-1", "run.completed run-1", "news "}, r.events)
	assert.Empty(t, r.errs)
}

func TestConcurrentDeliveriesRunTheHandlerOnce(t *testing.T) {
	t.Parallel()
	var running, others sync.WaitGroup
	running.Add(1)
	r := newReceiver(t, func(context.Context, *runflow.CallbackEvent) error {
		running.Wait() // until all others have been answered
		return nil
	})
	statuses := make(chan int, 64)
	others.Add(63)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			status, _ := r.deliver(t, completed, sign(secret, completed))
			statuses <- status
			if status == 409 {
				others.Done()
			}
		})
	}
	others.Wait()
	running.Done()
	all.Wait()
	close(statuses)
	count := map[int]int{}
	for status := range statuses {
		count[status]++
	}
	assert.Equal(t, map[int]int{200: 1, 409: 63}, count)
	assert.Len(t, r.events, 1)
}

func TestAnEventThatWasNotHandledIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	why := errors.New("canary: database down")
	for name, fail := range map[string]func() error{
		"error": func() error { return why },
		"panic": func() error { panic("canary") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			r := newReceiver(t, func(context.Context, *runflow.CallbackEvent) error {
				if calls.Add(1) < 3 {
					return fail()
				}
				return nil
			})
			for _, want := range []int{500, 500, 200, 200} {
				status, text := r.deliver(t, completed, sign(secret, completed))
				assert.Equal(t, want, status)
				assert.NotContains(t, text, "canary")
			}
			assert.EqualValues(t, 3, calls.Load())
			if name == "error" {
				assert.Equal(t, []error{why, why}, r.errs)
			}
		})
	}
}

func TestAPanicIsPassedOn(t *testing.T) {
	t.Parallel()
	handler := verifier(t, secret).Handler(func(context.Context, *runflow.CallbackEvent) error { panic("mine") })
	w := httptest.NewRecorder()
	assert.PanicsWithValue(t, "mine", func() { handler.ServeHTTP(w, callback(t, completed, sign(secret, completed))) })
	assert.Equal(t, 500, w.Code)
}

func TestTheHandlerRefusesWhatIsNoCallback(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, succeed)
	status, text := r.deliver(t, completed, sign("canary", completed))
	assert.Equal(t, 401, status)
	assert.Equal(t, "unauthorized\n", text)
	resp, err := r.Client().Get(r.URL) //nolint:noctx // a test's request
	require.NoError(t, err)
	_ = resp.Body.Close()
	assert.Equal(t, 405, resp.StatusCode)
	assert.Equal(t, "POST", resp.Header.Get("Allow"))
	assert.Empty(t, r.events)
	require.Len(t, r.errs, 2)
	require.ErrorIs(t, r.errs[0], runflow.ErrInvalidSignature)
}

// shaky is a store that fails where it is told to, and that minds contexts.
type shaky struct {
	runflow.CallbackStore

	claim, done, release error
}

func (s *shaky) Claim(ctx context.Context, claim runflow.CallbackClaim) (runflow.ClaimState, error) {
	if s.claim != nil {
		return 0, s.claim
	}
	return s.CallbackStore.Claim(ctx, claim)
}

func (s *shaky) Done(ctx context.Context, claim runflow.CallbackClaim) error {
	return errors.Join(s.done, ctx.Err(), s.CallbackStore.Done(ctx, claim))
}

func (s *shaky) Release(ctx context.Context, claim runflow.CallbackClaim) error {
	return errors.Join(s.release, ctx.Err(), s.CallbackStore.Release(ctx, claim))
}

func TestAStoreThatFails(t *testing.T) {
	t.Parallel()
	down := errors.New("store down")
	for name, tc := range map[string]struct {
		store  *shaky
		handle func(context.Context, *runflow.CallbackEvent) error
		status int
		events int
	}{
		"to claim":    {&shaky{claim: down}, succeed, 500, 0},
		"to remember": {&shaky{done: down}, succeed, 200, 1},
		"to release":  {&shaky{release: down}, func(context.Context, *runflow.CallbackEvent) error { return down }, 500, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.store.CallbackStore = runflow.NewCallbackStore(1, 0)
			r := newReceiver(t, tc.handle, runflow.WithCallbackStore(tc.store))
			status, _ := r.deliver(t, completed, sign(secret, completed))
			assert.Equal(t, tc.status, status)
			assert.Len(t, r.events, tc.events)
			require.NotEmpty(t, r.errs)
			require.ErrorIs(t, r.errs[len(r.errs)-1], down)
		})
	}
}

// vague is a store that answers what no store should.
type vague struct{ runflow.CallbackStore }

func (vague) Claim(context.Context, runflow.CallbackClaim) (runflow.ClaimState, error) { return 0, nil }

func TestAStoreThatAnswersNonsenseIsToldOf(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, succeed, runflow.WithCallbackStore(vague{runflow.NewCallbackStore(0, 0)}))
	status, _ := r.deliver(t, completed, sign(secret, completed))
	assert.Equal(t, 500, status)
	assert.Empty(t, r.events)
	require.Len(t, r.errs, 1)
	assert.EqualError(t, r.errs[0], "runflow: claiming a callback: the store answered with state 0")
}

// deaf is a store whose answer to the first claim is lost.
type deaf struct {
	runflow.CallbackStore

	heard atomic.Bool
}

func (d *deaf) Claim(ctx context.Context, claim runflow.CallbackClaim) (runflow.ClaimState, error) {
	state, err := d.CallbackStore.Claim(ctx, claim)
	if d.heard.CompareAndSwap(false, true) {
		return 0, io.ErrUnexpectedEOF
	}
	return state, err
}

func TestAClaimWhoseAnswerIsLostIsReleased(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, succeed, runflow.WithCallbackStore(&deaf{CallbackStore: runflow.NewCallbackStore(0, 0)}))
	for _, want := range []int{500, 200} {
		status, _ := r.deliver(t, completed, sign(secret, completed))
		assert.Equal(t, want, status)
	}
	assert.Len(t, r.events, 1)
}

func TestAnErrorHookThatPanicsLosesNothing(t *testing.T) {
	t.Parallel()
	var calls int
	handler := verifier(t, secret).Handler(func(context.Context, *runflow.CallbackEvent) error {
		calls++
		return errors.New("failed")
	}, runflow.WithCallbackErrors(func(context.Context, error) { panic("mine") }))
	for range 2 {
		assert.PanicsWithValue(t, "mine", func() {
			handler.ServeHTTP(httptest.NewRecorder(), callback(t, completed, sign(secret, completed)))
		})
	}
	assert.Equal(t, 2, calls)
}

func TestAClaimThatExpiredIsNotReleasedByItsLateOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls int
		handler := verifier(t, secret).Handler(func(context.Context, *runflow.CallbackEvent) error {
			calls++
			time.Sleep(90 * time.Second)
			return errors.New("failed")
		}, runflow.WithCallbackStore(runflow.NewCallbackStore(10, time.Minute)))
		var all sync.WaitGroup
		deliver := func(want int) {
			all.Go(func() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, callback(t, completed, sign(secret, completed)))
				assert.Equal(t, want, w.Code)
			})
			synctest.Wait()
		}
		deliver(500)
		time.Sleep(time.Minute - time.Nanosecond)
		deliver(409)
		time.Sleep(time.Nanosecond)
		deliver(500) // the first claim has expired
		time.Sleep(31 * time.Second)
		deliver(409) // the first owner has failed by now, the second works still
		all.Wait()
		assert.Equal(t, 2, calls)
	})
}

func TestAFullStoreRefusesNewEventsAndForgetsNoLiveClaim(t *testing.T) {
	t.Parallel()
	store := runflow.NewCallbackStore(1, time.Hour)
	other := runflow.CallbackClaim{Key: "other", Owner: "x"}
	state, err := store.Claim(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, runflow.ClaimGranted, state)
	r := newReceiver(t, succeed, runflow.WithCallbackStore(store))
	status, _ := r.deliver(t, completed, sign(secret, completed))
	assert.Equal(t, 500, status)
	assert.Empty(t, r.events)
	assert.Len(t, r.errs, 1)

	require.NoError(t, store.Done(t.Context(), other))
	status, _ = r.deliver(t, completed, sign(secret, completed))
	assert.Equal(t, 200, status)
	assert.Len(t, r.events, 1)
}

func TestWhatIsRememberedOutlivesTheSender(t *testing.T) {
	t.Parallel()
	for name, result := range map[string]error{"done": nil, "failed": errors.New("failed")} {
		ctx, cancel := context.WithCancel(t.Context())
		store := &shaky{CallbackStore: runflow.NewCallbackStore(0, 0)}
		var told []error
		handler := verifier(t, secret).Handler(func(ctx context.Context, _ *runflow.CallbackEvent) error {
			cancel()
			assert.Error(t, ctx.Err(), name)
			return result
		}, runflow.WithCallbackStore(store), runflow.WithCallbackErrors(func(_ context.Context, err error) { told = append(told, err) }))
		handler.ServeHTTP(httptest.NewRecorder(), callback(t, completed, sign(secret, completed)).WithContext(ctx))
		for _, err := range told {
			assert.NotErrorIs(t, err, context.Canceled, name)
		}
		state, err := store.CallbackStore.Claim(t.Context(), runflow.CallbackClaim{Key: "run:run-1:run.completed", Owner: "x"})
		require.NoError(t, err)
		assert.Equal(t, map[string]runflow.ClaimState{"done": runflow.ClaimDone, "failed": runflow.ClaimGranted}[name], state)
	}
}

func TestANilHandlerLosesNothing(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	var told error
	handler := verifier(t, secret).Handler(nil, runflow.WithCallbackStore(nil), runflow.WithCallbackErrors(func(_ context.Context, err error) { told = err }))
	handler.ServeHTTP(w, callback(t, completed, sign(secret, completed)))
	assert.Equal(t, 500, w.Code)
	require.EqualError(t, told, "runflow: the callback handler is nil")
	w = httptest.NewRecorder()
	(*runflow.CallbackVerifier)(nil).Handler(succeed).ServeHTTP(w, callback(t, completed, sign("", completed)))
	assert.Equal(t, 401, w.Code)
}

func FuzzCallbackVerify(f *testing.F) {
	f.Add([]byte(completed), sign(secret, completed))
	f.Add([]byte(nil), strings.Repeat("0", 64))
	f.Fuzz(func(t *testing.T, body []byte, signature string) {
		v, good := verifier(t, "whsec_other", secret), sign(secret, string(body))
		require.NoError(t, v.Verify(body, good))
		if signature != good && signature != sign("whsec_other", string(body)) {
			require.ErrorIs(t, v.Verify(body, signature), runflow.ErrInvalidSignature)
		}
	})
}

func FuzzCallbackParse(f *testing.F) {
	f.Add(completed, sign(secret, completed), false)
	f.Add(`{"event":1}`, "", true)
	f.Add("", strings.Repeat("0", 64), false)
	f.Fuzz(func(t *testing.T, body, signature string, signed bool) {
		good := sign(secret, body)
		if signed {
			signature = good
		}
		event, err := verifier(t, secret).Parse(callback(t, body, signature))
		if err == nil {
			assert.Equal(t, good, signature)
			assert.Equal(t, body, event.Raw.String())
			return
		}
		var refused *runflow.CallbackError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, signature != good, errors.Is(err, runflow.ErrInvalidSignature))
	})
}
