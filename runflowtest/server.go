package runflowtest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/runflow-io/runflow-go"
)

// A Server is a fake Runflow API. Create it with [New] or [NewServer]. It is safe for
// concurrent use. Set its fields before the first request.
type Server struct {
	URL            string // base URL, for runflow.WithBaseURL
	OrgID          string // the organization of UserToken and APIKey
	UserToken      string // token of a user, who may set feedback
	APIKey         string // API key, which may not set feedback
	CallbackSecret string // secret that signs the callbacks; if it is empty, they are not signed

	// MaxRequests is the maximum number of requests that the server keeps for
	// [Server.Requests]. Zero or a negative value selects the default, 10,000.
	MaxRequests int

	http           *httptest.Server
	callbackClient *http.Client   // delivers the callbacks
	links          *regexp.Regexp // matches the links to files
	idPrefix       string
	deliverySchema *schema
	closing        context.Context // ends when Close is called
	close          context.CancelFunc

	mu         sync.Mutex
	custom     map[string]http.Handler // by pattern, see Handle
	customMux  *http.ServeMux          // serves custom; never changed, only replaced
	lastID     uint32
	now        time.Time
	principals map[string]principal // by token
	runs       collection[runflow.Run]
	models     collection[runflow.Model]
	workflows  collection[runflow.ComfyuiWorkflow]
	scripts    map[string][]Step // by model or workflow
	steps      map[string][]Step // by run: the remaining steps
	paused     bool
	replays    map[string]replay                      // by organization and idempotency key
	deliveries map[string][]*runflow.CallbackDelivery // by run, the newest first
	delivering int                                    // number of callbacks that are being delivered
	delivered  *sync.Cond                             // uses mu; signals that delivering has decreased
	faults     []*fault
	files      map[string]file // by name
	generation int             // generation of the links that have not expired, see ExpireFiles
	requests   []Request
}

// New starts a server. It is closed when the test and its subtests are complete.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := NewServer()
	tb.Cleanup(s.Close)
	return s
}

// NewServer starts a server, which the caller must Close. In a test, use [New]. Like
// [httptest.NewServer] it panics if it cannot listen.
func NewServer() *Server {
	s := &Server{
		UserToken:      "user_" + rand.Text(),
		APIKey:         "rf_test_" + rand.Text(),
		CallbackSecret: "whsec_" + rand.Text(),
		callbackClient: newCallbackClient(),
		idPrefix:       newIDPrefix(),
		deliverySchema: schemaOf[runflow.CallbackDelivery](),
		customMux:      http.NewServeMux(),
		custom:         map[string]http.Handler{},
		now:            startTime,
		principals:     map[string]principal{},
		runs:           newCollection[runflow.Run](),
		models:         newCollection[runflow.Model](),
		workflows:      newCollection[runflow.ComfyuiWorkflow](),
		scripts:        map[string][]Step{},
		steps:          map[string][]Step{},
		replays:        map[string]replay{},
		deliveries:     map[string][]*runflow.CallbackDelivery{},
		files:          map[string]file{},
	}
	s.OrgID = s.newID()
	s.AddUser(s.UserToken, s.OrgID)
	s.AddAPIKey(s.APIKey, s.OrgID)
	s.delivered = sync.NewCond(&s.mu)
	s.closing, s.close = context.WithCancel(context.Background())
	s.http = httptest.NewUnstartedServer(s.handler())
	s.http.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.http.Start()
	s.URL = s.http.URL
	s.links = linksTo(s.URL)
	return s
}

// Close stops the server after all callbacks have been delivered.
func (s *Server) Close() {
	s.close()
	s.WaitCallbacks() // their receivers may still call the API
	s.http.Close()
	s.WaitCallbacks() // the last requests may have ended runs
	s.callbackClient.CloseIdleConnections()
}

// AddUser adds a user with the given token, who is a member of the organizations. A
// request without an X-Organization-Id header is for the first one.
func (s *Server) AddUser(token string, orgIDs ...string) {
	s.addPrincipal(token, principal{isUser: true, orgIDs: slices.Clone(orgIDs)})
}

// AddAPIKey adds an API key of the organization.
func (s *Server) AddAPIKey(token, orgID string) {
	s.addPrincipal(token, principal{orgIDs: []string{orgID}})
}

func (s *Server) addPrincipal(token string, p principal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.principals[token] = p
}
