package runflowtest

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go"
)

// A Server is a fake Runflow API. Create it with [New] or [NewServer]. It is safe for
// concurrent use. Set its fields before the first request.
type Server struct {
	URL       string // base URL, for runflow.WithBaseURL; links to files begin with it
	OrgID     string // the organization of UserToken and APIKey
	UserToken string // token of a user, who may set feedback
	APIKey    string // API key, which may not set feedback on runs

	// CallbackSecret signs the callbacks of an organization until a client makes
	// another secret of the organization current. If it is empty, callbacks are not
	// signed until then.
	CallbackSecret string

	// MaxRequests is the maximum number of requests that the server keeps for
	// [Server.Requests]. Zero or a negative value selects the default, 10,000.
	MaxRequests int

	http            *httptest.Server
	callbackClient  *http.Client          // delivers the callbacks
	links           func() *regexp.Regexp // matches the links to files
	idPrefix        string
	deliverySchema  *schema
	batchSchema     *schema
	batchItemSchema *schema
	balanceSchema   *schema
	accountSchema   *schema
	closing         context.Context // ends when Close is called
	close           context.CancelFunc

	mu         sync.Mutex
	custom     map[string]http.Handler // by pattern, see Handle
	customMux  *http.ServeMux          // serves custom; never changed, only replaced
	lastID     uint32
	now        time.Time
	principals map[string]principal // by token
	runs       collection[runflow.Run]
	models     collection[runflow.Model]
	workflows  collection[runflow.ComfyuiWorkflow]
	batches    map[string]*runflow.Batch // by ID, with complete items

	evaluations       collection[runflow.Evaluation]
	evaluationScript  []EvaluationStep
	evaluationSteps   map[string][]EvaluationStep // by evaluation: the remaining steps
	webhooks          collection[runflow.Webhook]
	webhookDeliveries collection[runflow.WebhookDelivery]
	secrets           collection[runflow.CallbackSecret]
	secretTexts       map[string]string // by callback secret or webhook

	assets   collection[runflow.Asset]
	uploads  map[string]*upload                // by asset
	balances map[string]*runflow.CreditBalance // by organization
	prices   map[string]decimal.Decimal        // by model or workflow
	charges  map[string]decimal.Decimal        // by run: what it costs if it succeeds

	scripts    map[string][]Step // by model or workflow
	steps      map[string][]Step // by run: the remaining steps
	paused     bool
	replays    map[string]replay                      // by organization and idempotency key
	deliveries map[string][]*runflow.CallbackDelivery // by run, batch or evaluation, the newest first
	delivering int                                    // number of callbacks and events that are being delivered
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
func NewServer() *Server { return newServer((*httptest.Server).Start) }

// NewTLSServer is like [NewServer], but the API, uploads and downloads have https URLs,
// with [Server.Certificate]. Clients in other languages may refuse to upload to an
// http URL.
func NewTLSServer() *Server { return newServer((*httptest.Server).StartTLS) }

// Certificate returns the certificate of a server of [NewTLSServer], which clients
// must trust. It returns nil for other servers.
func (s *Server) Certificate() *x509.Certificate { return s.http.Certificate() }

// Listen is like [NewServer], but the server listens on a TCP address, such as
// "0.0.0.0:8080". If clients reach it by another URL, set the URL of the server.
func Listen(ctx context.Context, address string) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return newServer(func(s *httptest.Server) {
		_ = s.Listener.Close()
		s.Listener = listener
		s.Start()
	}), nil
}

func newServer(start func(*httptest.Server)) *Server {
	s := &Server{
		UserToken:         "user_" + rand.Text(),
		APIKey:            "rf_test_" + rand.Text(),
		CallbackSecret:    "whsec_" + rand.Text(),
		callbackClient:    newCallbackClient(),
		idPrefix:          newIDPrefix(),
		deliverySchema:    schemaOf[runflow.CallbackDelivery](),
		batchSchema:       newBatchSchema(),
		batchItemSchema:   schemaOf[runflow.BatchItem](),
		customMux:         http.NewServeMux(),
		custom:            map[string]http.Handler{},
		now:               startTime,
		principals:        map[string]principal{},
		runs:              newCollection[runflow.Run](),
		models:            newCollection[runflow.Model](),
		workflows:         newCollection[runflow.ComfyuiWorkflow](),
		batches:           map[string]*runflow.Batch{},
		evaluations:       newEvaluations(),
		evaluationScript:  defaultEvaluation(),
		evaluationSteps:   map[string][]EvaluationStep{},
		webhooks:          newCollection[runflow.Webhook](),
		webhookDeliveries: newCollection[runflow.WebhookDelivery](),
		secrets:           newCollection[runflow.CallbackSecret](),
		secretTexts:       map[string]string{},
		balanceSchema:     schemaOf[runflow.CreditBalance](),
		accountSchema:     newAccountSchema(),
		assets:            newCollection[runflow.Asset](),
		uploads:           map[string]*upload{},
		balances:          map[string]*runflow.CreditBalance{},
		prices:            map[string]decimal.Decimal{},
		charges:           map[string]decimal.Decimal{},
		scripts:           map[string][]Step{},
		steps:             map[string][]Step{},
		replays:           map[string]replay{},
		deliveries:        map[string][]*runflow.CallbackDelivery{},
		files:             map[string]file{},
	}
	s.OrgID = s.newID()
	s.AddUser(s.UserToken, s.OrgID)
	s.AddAPIKey(s.APIKey, s.OrgID)
	s.delivered = sync.NewCond(&s.mu)
	s.closing, s.close = context.WithCancel(context.Background())
	s.http = httptest.NewUnstartedServer(s.handler())
	s.http.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	start(s.http)
	s.URL = s.http.URL
	s.links = sync.OnceValue(func() *regexp.Regexp { return linksTo(s.URL) }) // after the test has set the URL
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

// AddAPIKey adds an API key of the organization. If scopes are given, such as
// "runs:create", the key has no others.
func (s *Server) AddAPIKey(token, orgID string, scopes ...string) {
	s.addPrincipal(token, principal{orgIDs: []string{orgID}, scopes: slices.Clone(scopes)})
}

func (s *Server) addPrincipal(token string, p principal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.id = s.newID()
	s.principals[token] = p
}
