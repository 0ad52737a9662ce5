package main

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

var screenshot = flag.String("screenshot", "", "`file` to which TestPage_Screenshot writes a picture of the page")

// startChromium starts a headless Chromium, or skips the test. It returns the context
// in which pages are opened.
func startChromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("Chromium is not installed, so this test did not run: apt-get install chromium")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(1000, 780))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox) // Chromium refuses to run as root with a sandbox
	}
	ctx, cancelAllocator := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), opts...)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		cancel()
		cancelAllocator()
	})
	require.NoError(t, chromedp.Do(ctx))
	return ctx
}

// A page is the page of a backend in Chromium. Runs take their steps by themselves.
type page struct {
	*backend

	ctx context.Context //nolint:containedctx // chromedp keeps the page in it

	mu     sync.Mutex
	errors []string // of the script, and requests that the policy of the page refuses
}

func openPage(chromium context.Context, t *testing.T) *page {
	t.Helper()
	b := newBackend(t)
	b.model = fakeModel
	b.authenticate = everyoneIs(user{id: "ann", token: b.fake.UserToken})
	t.Cleanup(paint(b.fake, 20*time.Millisecond))
	ctx, cancel := chromedp.NewContext(chromium)
	t.Cleanup(cancel)
	p := &page{backend: b, ctx: ctx}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			p.observe(m)
		}
	}()
	p.do(chromedp.Navigate(b.url), chromedp.WaitVisible(chromedp.CSS("#empty")))
	return p
}

func (p *page) observe(m chromedp.ConsoleMessage) {
	isError := m.Type == chromedp.ConsoleException || m.Type == "error"
	if isError && !strings.HasPrefix(m.Text, "Failed to load resource") { // an error response, which the page shows
		p.mu.Lock()
		defer p.mu.Unlock()
		p.errors = append(p.errors, m.Text)
	}
}

func (p *page) requireNoErrors() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Empty(p.t, p.errors)
}

func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, actions...))
}

// await waits until a condition in JavaScript is true.
func (p *page) await(condition string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](condition, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(0)))
	require.NoError(p.t, err, condition)
}

// text returns the text of an element.
func (p *page) text(selector string) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.TextContent(chromedp.CSS(selector)))
	require.NoError(p.t, err)
	return text
}

func (p *page) click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

func (p *page) submit(prompt string) {
	p.t.Helper()
	p.do(chromedp.SendKeys(chromedp.CSS("#prompt"), prompt+"\n"))
}

// create creates a run in the form, and waits until the page shows how it ended:
// "ended" or "failed".
func (p *page) create(prompt, end string) {
	p.t.Helper()
	p.submit(prompt)
	p.do(chromedp.WaitVisible(chromedp.CSS("#runs li:first-child." + end + " h2")))
	p.await(`!document.querySelector("#create button").disabled`)
}

const (
	up         = `#runs [data-rating="up"]`
	down       = `#runs [data-rating="down"]`
	isPressed  = `document.querySelector('#runs [data-rating="up"]')?.getAttribute("aria-pressed") === "true"`
	isReleased = `document.querySelector('#runs [data-rating="up"]')?.getAttribute("aria-pressed") === "false"`
	hasPicture = `document.querySelector("#runs img")?.naturalWidth > 0`
)

// feedback returns the feedback on the only run of the fake API.
func (p *page) feedback() runflow.Rating {
	p.t.Helper()
	runs := p.fake.Runs()
	require.Len(p.t, runs, 1)
	feedback, _ := runs[0].Feedback()
	return feedback.Rating
}

func TestPage(t *testing.T) {
	t.Parallel()
	chromium := startChromium(t)
	tests := map[string]func(*testing.T, *page){
		"picture and feedback":   testPictureAndFeedback,
		"keyboard":               testKeyboard,
		"failed run":             testFailedRun,
		"prompt is text":         testPromptIsText,
		"error response":         testErrorResponse,
		"service is unreachable": testServiceIsUnreachable,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := openPage(chromium, t)
			test(t, p)
			p.requireNoErrors()
		})
	}
}

func testPictureAndFeedback(t *testing.T, p *page) {
	t.Helper()
	p.create("hills at dawn", "ended")
	p.await(hasPicture)
	assert.Equal(t, "hills at dawn", p.text("#runs h2"))
	p.await(`document.querySelectorAll("#runs li").length === 1`) // the page updates a card, and adds no other

	p.click(up)
	p.await(isPressed)
	assert.Equal(t, runflow.ThumbsUp, p.feedback())
	p.do(chromedp.Reload())
	p.await(isPressed)
	p.await(hasPicture)

	p.click(down)
	p.await(isReleased)
	assert.Equal(t, runflow.ThumbsDown, p.feedback())
	p.click(up)
	p.await(isPressed)

	p.click(up)
	p.await(isReleased)
	assert.Empty(t, p.feedback())
	p.do(chromedp.Reload())
	p.await(isReleased)
}

func testKeyboard(t *testing.T, p *page) {
	t.Helper()
	p.create("hills", "ended")
	p.do(chromedp.Focus(chromedp.CSS(up)), chromedp.KeyEvent(" "))
	p.await(isPressed)
	p.await(`document.activeElement.dataset.rating === "up"`)
	assert.Equal(t, runflow.ThumbsUp, p.feedback())
}

func testFailedRun(t *testing.T, p *page) {
	t.Helper()
	p.create("please fail", "failed")
	assert.Equal(t, "Failed: The model refused the prompt.", p.text("#runs .status"))
	p.await(`document.querySelector("#runs .feedback").hidden && !document.querySelector("#runs img")`)
}

func testPromptIsText(t *testing.T, p *page) {
	t.Helper()
	prompt := `<img src=x onerror="document.title='run'"> & "hills"`
	p.create(prompt, "ended")
	p.await(hasPicture)
	assert.Equal(t, prompt, p.text("#runs h2"))
	alt, err := chromedp.Run(p.ctx, chromedp.AttributeValue(chromedp.CSS("#runs img"), "alt"))
	require.NoError(t, err)
	assert.Equal(t, "Picture of "+prompt, alt.Value)
	p.await(`document.title === "Runflow backend example" && document.images.length === 1`)
}

func testErrorResponse(t *testing.T, p *page) {
	t.Helper()
	p.fake.InjectFault(100, runflowtest.Fault{Match: postRun, Status: 402})
	p.create("hills", "failed")
	p.await(`document.querySelector("#message.error").textContent === "the service is out of credit"`)
	assert.Equal(t, "Failed: the service is out of credit", p.text("#runs .status"))
}

func testServiceIsUnreachable(t *testing.T, p *page) {
	t.Helper()
	p.server.CloseClientConnections()
	p.server.Close()
	p.submit("hills")
	p.await(`document.querySelector("#message.error")?.textContent === "The service is not available."`)
	p.await(`document.querySelector("#prompt").value === "hills"`) // the user can try again
}

// TestPage_Screenshot writes the picture for the README:
//
//	go test -run TestPage_Screenshot . -screenshot ../../docs/backend.png
func TestPage_Screenshot(t *testing.T) {
	t.Parallel()
	if *screenshot == "" {
		t.Skip("there is no -screenshot, so this test did not run")
	}
	p := openPage(startChromium(t), t)
	for _, prompt := range []string{"Golden hills after the rain", "A valley before sunrise", "Violet mountains in winter", "Sea of fog", "Red cliffs in the evening"} {
		p.create(prompt, "ended")
	}
	p.create("A picture that will fail", "failed")
	p.await(`document.images.length === 5 && [...document.images].every((i) => i.naturalWidth > 0)`)
	for _, button := range []string{`#runs li:nth-child(2) [data-rating="up"]`, `#runs li:nth-child(4) [data-rating="down"]`} {
		p.click(button)
		p.do(chromedp.WaitVisible(chromedp.CSS(button + `[aria-pressed="true"]`)))
	}
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.Less(t, len(picture), 200_000, "size of the picture in bytes")
	require.NoError(t, os.WriteFile(*screenshot, picture, 0o644))
}
