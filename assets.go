package runflow

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/redact"
	"github.com/runflow-io/runflow-go/internal/transport"
	"github.com/runflow-io/runflow-go/internal/upload"
)

// AssetsService groups the methods for assets, the files that an organization has
// uploaded.
type AssetsService service

// An Asset is an uploaded file. See [Asset.Ref].
type Asset struct {
	ID           string    `json:"id,omitzero"`
	OrgID        string    `json:"org_id,omitzero"`
	FolderID     string    `json:"folder_id,omitzero"`
	Name         string    `json:"name,omitzero"`
	R2Key        string    `json:"r2_key,omitzero"`
	URL          string    `json:"url,omitzero"` // signed; expires after about a day
	ThumbnailURL string    `json:"thumbnail_url,omitzero"`
	MIMEType     string    `json:"mime_type,omitzero"`
	SizeBytes    *int64    `json:"size_bytes,omitzero"`
	AssetType    string    `json:"asset_type,omitzero"`
	SourceType   string    `json:"source_type,omitzero"`
	SourceID     string    `json:"source_id,omitzero"`
	CreatedBy    string    `json:"created_by,omitzero"`
	CreatedAt    time.Time `json:"created_at,omitzero"`
	UpdatedAt    time.Time `json:"updated_at,omitzero"`
	DeletedAt    time.Time `json:"deleted_at,omitzero"` // zero if it is not deleted
	DeletedBy    string    `json:"deleted_by,omitzero"`

	CreatedByUser *AssetUser `json:"created_by_user,omitzero"` // set only if the call embeds it
}

// An AssetUser is the user who uploaded an asset.
type AssetUser struct {
	ID        string `json:"id,omitzero"`
	Email     string `json:"email,omitzero"`
	FirstName string `json:"first_name,omitzero"`
	LastName  string `json:"last_name,omitzero"`
	AvatarURL string `json:"avatar_url,omitzero"`
}

func (a *Asset) identity() string { return a.ID }

// Ref returns "runflow://assets/" and the ID. As a value in the input of a run it
// stands for the file, and does not expire.
func (a *Asset) Ref() string {
	if a == nil {
		return ""
	}
	return "runflow://assets/" + a.ID
}

// An AssetEmbed names a part of an asset that the API sends only on request. Any
// other name that the API knows can be used too.
type AssetEmbed string

// AssetEmbedCreatedByUser is the part that can be embedded into an asset.
const AssetEmbedCreatedByUser AssetEmbed = "created_by_user"

// GetAssetParams are the params of [AssetsService.Get].
type GetAssetParams struct {
	Embed  []AssetEmbed // parts to send with the asset
	Fields []string     // fields to send, by their names in the API; none means all
}

// Get returns an asset with a newly signed URL. It returns [ErrNotFound] if the
// organization has no such asset.
//
// Endpoint: GET /v1/assets/{id} (idempotent), see
// https://docs.runflow.io/api-reference/assets/get-asset.
func (s *AssetsService) Get(ctx context.Context, assetID string, params GetAssetParams, opts ...CallOption) (*Asset, error) {
	query := getQuery{Embed: texts(params.Embed), Fields: withFields(params.Fields, "id")}
	return doIdentified[Asset](ctx, (*service)(s), endpoint.AssetsGet, request{path: []argument{id("assetID", assetID)}, query: query}, opts)
}

// ListTypes returns the types of files that an asset can have.
//
// Endpoint: GET /v1/assets/types (idempotent), see
// https://docs.runflow.io/guides/upload-large-files.
func (s *AssetsService) ListTypes(ctx context.Context, opts ...CallOption) (*Page[ReferenceItem], error) {
	return listReference(ctx, (*service)(s), endpoint.AssetsListTypes, opts)
}

const (
	maxUpload   = 50 << 20 // bytes of a file
	maxFilename = 500      // characters
	maxMIMEType = 255
)

// UploadParams are the params of [AssetsService.Upload].
type UploadParams struct {
	Filename string // 1 to 500 characters; UploadFile uses the name of the file if it is empty
	MIMEType string // at most 255 characters; "" means that of the content, or else of the name
	Size     int64  // in bytes; 0 means that Upload finds it out
	FolderID string // optional

	// OnProgress is called with the number of bytes sent, from 0 to total. If the file
	// is sent again, the number starts at 0 again. The calls are not concurrent, and
	// end before Upload returns.
	OnProgress func(sent, total int64)
}

func (p UploadParams) validate() error {
	var errs []error
	if p.Filename == "" || !utf8.ValidString(p.Filename) || utf8.RuneCountInString(p.Filename) > maxFilename {
		errs = append(errs, badArgument("params.Filename", "must have 1 to 500 characters of valid UTF-8"))
	}
	if len(p.MIMEType) > maxMIMEType || strings.Trim(p.MIMEType, " ") != p.MIMEType ||
		strings.ContainsFunc(p.MIMEType, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
		errs = append(errs, badArgument("params.MIMEType", "must have at most 255 printable ASCII characters, without a space at either end"))
	}
	if p.Size < 0 || p.Size > maxUpload {
		errs = append(errs, badArgument("params.Size", sizeRange))
	}
	if !utf8.ValidString(p.FolderID) {
		errs = append(errs, badArgument("params.FolderID", "must be valid UTF-8"))
	}
	return errors.Join(errs...)
}

const sizeRange = "must be 1 to 52,428,800 bytes"

// An UploadError is returned if an upload failed. It unwraps to the error of the step
// that failed. Its text is one line.
type UploadError struct {
	Step    string // "preparation", "session", "transfer" or "confirmation"
	AssetID string // "" if there is none yet
	Err     error  // an *APIError, *TransportError or *DecodeError, or the error of reading the file
}

// The steps of an upload.
const (
	stepPreparation  = "preparation" // the size and the type of the file are found out
	stepSession      = "session"
	stepTransfer     = "transfer"
	stepConfirmation = "confirmation"
)

// Error returns the error as one line.
func (e *UploadError) Error() string {
	text := "runflow: " + e.operation() + ": " + redact.Line(e.Step)
	if e.AssetID != "" {
		text += ", asset " + redact.Line(e.AssetID)
	}
	if e.Err != nil {
		reason := strings.TrimPrefix(e.Err.Error(), "runflow: ")
		text += ": " + redact.Line(strings.TrimPrefix(reason, e.operation()+": "))
	}
	return text
}

// Unwrap returns Err.
func (e *UploadError) Unwrap() error { return e.Err }

func (*UploadError) operation() string { return endpoint.AssetsCreateUpload.Operation }

// Upload uploads the file that r has from its current position on, and returns the
// asset. A file has 1 to 52,428,800 bytes (50 MiB). It is not held in memory: if Size
// is 0, and r is neither an [io.Seeker] nor has a Len method, Upload copies it into a
// temporary file first, which it removes. Upload does not close r, and does not read
// it after it has returned, unless ctx ends while a Read of r blocks.
//
// An upload has three steps: the API opens a session, the file is transferred to a
// storage host, and the API creates the asset. Each step is retried. The transfer is
// retried only if r can be rewound, which a temporary file can: the upload does not
// cost anything, and creates one asset. If the session has expired (403), Upload opens
// another one, once. The attempt timeout is the time without progress. The storage
// host must have an https URL, unless the API is on a loopback address.
//
// Upload returns an [*UploadError] that names the step that failed. If it is the
// confirmation, the asset may exist: look for it with [AssetsService.Get]. Upload
// needs the scope assets:create.
//
// Endpoint: POST /v1/asset-uploads (idempotent), see
// https://docs.runflow.io/api-reference/media/create-a-presigned-upload-session.
//
// Endpoint: POST /v1/asset-uploads/{asset_upload_id}/confirmations (idempotent), see
// https://docs.runflow.io/api-reference/media/confirm-upload-and-create-asset-record.
func (s *AssetsService) Upload(ctx context.Context, r io.Reader, params UploadParams, opts ...CallOption) (*Asset, error) {
	return s.uploadFrom(ctx, "r", r, params, opts)
}

// UploadFile uploads the file at path, see [AssetsService.Upload]. It also returns the
// errors of opening it, as [os.Open] does.
func (s *AssetsService) UploadFile(ctx context.Context, path string, params UploadParams, opts ...CallOption) (*Asset, error) {
	file, err := os.Open(path) //nolint:gosec // the caller names the file to send
	if err != nil {
		return nil, &UploadError{Step: stepPreparation, Err: err}
	}
	defer file.Close()
	if params.Filename == "" {
		params.Filename = filepath.Base(path)
	}
	return s.uploadFrom(ctx, "path", file, params, opts)
}

// uploadFrom uploads the file that r has. The argument is the name of the file in
// errors.
func (s *AssetsService) uploadFrom(ctx context.Context, argument string, r io.Reader, params UploadParams, opts []CallOption) (*Asset, error) {
	operation := endpoint.AssetsCreateUpload.Operation
	if s == nil || s.settings == nil {
		return nil, errNoClient(operation)
	}
	own, badOption := s.settings().forCall(opts)
	errs := []error{checkContext(ctx), badOption, params.validate(), own.call.checkTransfer("an upload")}
	if r == nil {
		errs = append(errs, badArgument(argument, "must not be nil"))
	}
	if err := refused(operation, errs...); err != nil {
		return nil, err
	}
	file, err := upload.Open(ctx, r, params.Size, maxUpload)
	if errors.Is(err, upload.ErrSize) {
		return nil, &ArgumentError{Operation: operation, Argument: argument, Reason: sizeRange}
	} else if err != nil {
		return nil, unreadable(ctx, err)
	}
	defer file.Close()
	file.OnProgress, file.MIMEType = params.OnProgress, params.MIMEType
	if file.MIMEType == "" {
		if err := file.Detect(params.Filename); err != nil {
			return nil, unreadable(ctx, err)
		}
	}
	return own.upload(ctx, file, params)
}

// unreadable returns the error of a file that could not be read before the upload
// began.
func unreadable(ctx context.Context, err error) error {
	if _, isOfFile := errors.AsType[*upload.FileError](err); !isOfFile && ctx.Err() != nil {
		err = &TransportError{CallInfo: newCallInfo(endpoint.AssetsCreateUpload), Err: err}
	}
	return &UploadError{Step: stepPreparation, Err: err}
}

type uploadSessionBody struct {
	Filename  string `json:"filename"`
	MIMEType  string `json:"mime_type"`
	SizeBytes int64  `json:"size_bytes"`
}

func (uploadSessionBody) validate() error { return nil }

type confirmationBody struct {
	FolderID string `json:"folder_id,omitzero"`
}

func (confirmationBody) validate() error { return nil }

// upload makes the steps after the preparation.
func (s *settings) upload(ctx context.Context, file *upload.File, params UploadParams) (*Asset, error) {
	session, err := s.openSession(ctx, file, params)
	if err != nil {
		return nil, &UploadError{Step: stepSession, Err: err}
	}
	result := s.transfer(ctx, session, file)
	if result.Err == nil && result.Response.StatusCode == http.StatusForbidden && file.CanRewind() {
		if session, err = s.openSession(ctx, file, params); err != nil {
			return nil, &UploadError{Step: stepSession, Err: err}
		}
		result = s.transfer(ctx, session, file)
	}
	if err := transferFailure(result); err != nil {
		return nil, &UploadError{Step: stepTransfer, AssetID: session.AssetID, Err: err}
	}
	r := request{path: []argument{id("assetID", session.AssetID)}, body: confirmationBody{FolderID: params.FolderID}}
	asset, err := doIdentified[Asset](ctx, newService(s), endpoint.AssetsConfirmUpload, r, nil)
	if err != nil {
		return nil, &UploadError{Step: stepConfirmation, AssetID: session.AssetID, Err: err}
	}
	return asset, nil
}

// openSession opens an upload session.
func (s *settings) openSession(ctx context.Context, file *upload.File, params UploadParams) (*uploadSession, error) {
	body := uploadSessionBody{Filename: params.Filename, MIMEType: file.MIMEType, SizeBytes: file.Size}
	return do[uploadSession](ctx, newService(s), endpoint.AssetsCreateUpload, request{body: body}, nil)
}

// An uploadSession says where to send a file. The asset will have its ID.
type uploadSession struct {
	AssetID   string `json:"asset_id"`
	UploadURL string `json:"upload_url"`

	target *url.URL // of UploadURL
}

// decode decodes a session, and refuses one that cannot be used.
func (u *uploadSession) decode(ctx context.Context, s *settings, body []byte) error {
	if err := codec.Unmarshal(ctx, body, u); err != nil {
		return err
	}
	if err := endpoint.CheckSegment(u.AssetID); err != nil {
		return &DecodeError{Field: "asset_id", Err: err}
	}
	var err error
	if u.target, err = url.Parse(u.UploadURL); err != nil {
		return &DecodeError{Field: "upload_url", Err: errors.New("must be a valid URL")} // err quotes it
	}
	if reason := s.checkUploadURL(u.target); reason != "" {
		return &DecodeError{Field: "upload_url", Err: errors.New(reason)}
	}
	return nil
}

// checkUploadURL returns the reason why a file must not be sent to target, or "".
func (s *settings) checkUploadURL(target *url.URL) string {
	policy := s.storagePolicy()
	switch {
	case target.User != nil:
		return "must not contain user info" // net/http would send it as Authorization
	case target.Scheme != "https" && !policy.IsLoopback:
		return "must be an https URL, unless the API is on a loopback address"
	}
	return policy.Check(target)
}

// transfer sends the file to the storage host.
func (s *settings) transfer(ctx context.Context, session *uploadSession, file *upload.File) *transport.Result {
	storage := s.Settings
	storage.HTTPClient = s.storage
	result := upload.Send(ctx, &storage, session.target, file)
	s.call.response.record(result)
	return result
}

// transferFailure returns the error of a transfer that ended with result, or nil.
func transferFailure(result *transport.Result) error {
	if _, isOfFile := errors.AsType[*upload.FileError](result.Err); isOfFile {
		return result.Err
	}
	return failure(result)
}
