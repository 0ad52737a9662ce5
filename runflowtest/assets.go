package runflowtest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// assetTypes are the types of files that assets can have. The real list is not known.
func assetTypes() []reference {
	return codes("image/png", "image/jpeg", "image/webp", "image/gif", "video/mp4", "audio/mpeg")
}

// putAsset stores an asset, whose file is stored.
func (s *Server) putAsset(c caller, id, folderID string, u upload) {
	now := s.tick()
	assetType, _, _ := strings.Cut(u.mimeType, "/")
	asset := runflow.Asset{
		ID: id, OrgID: c.orgID, FolderID: folderID, Name: u.filename, R2Key: "assets/" + id, MIMEType: u.mimeType, SizeBytes: &u.size,
		AssetType: assetType, SourceType: "upload", URL: s.link(id, "&"), CreatedBy: c.id, CreatedAt: now, UpdatedAt: now,
	}
	if c.isUser {
		asset.CreatedByUser = &runflow.AssetUser{ID: c.id, Email: c.email()}
	}
	s.assets.put(id, c.orgID, asset)
}

// hasAsset reports whether the caller has an asset.
func (s *Server) hasAsset(c caller, id string) bool {
	asset := s.assets.byID[id]
	return asset != nil && asset.isVisible(c) && !isDeleted(&asset.row)
}

func (s *Server) listAssets(r *http.Request, c caller) (any, *problem) {
	return s.list(r, c, source{
		schema: s.assets.schema,
		sorted: func(by order) []entry { return s.assets.sorted("", by) },
		filter: filter(isDeleted).not(),
	})
}

func (s *Server) getAsset(r *http.Request, c caller) (any, *problem) {
	id := r.PathValue("id")
	if !s.hasAsset(c, id) {
		return nil, notFound("asset")
	}
	return s.renderFor(r, &s.assets.byID[id].row)
}

func (s *Server) updateAsset(r *http.Request, c caller) (any, *problem) {
	id := r.PathValue("id")
	if !s.hasAsset(c, id) {
		return nil, notFound("asset")
	}
	b, bad := readBody(r)
	if bad != nil {
		return nil, bad
	}
	asset, _ := s.assets.get(id)
	if string(b["folder_id"]) == "null" {
		asset.FolderID = ""
	}
	if errs := slices.Concat(b.shortText("name", maxFilename, &asset.Name), b.text("folder_id", &asset.FolderID)); errs != nil {
		return nil, invalid(errs...)
	}
	asset.UpdatedAt = s.tick()
	s.assets.put(id, asset.OrgID, asset)
	return s.renderFor(r, &s.assets.byID[id].row)
}

func (s *Server) deleteAsset(r *http.Request, c caller) (any, *problem) {
	id := r.PathValue("id")
	if !s.hasAsset(c, id) {
		return nil, notFound("asset")
	}
	asset, _ := s.assets.get(id)
	asset.DeletedAt, asset.DeletedBy = s.tick(), c.id
	s.assets.put(id, asset.OrgID, asset)
	delete(s.files, id)
	delete(s.uploads, id)
	return deleted{}, nil
}
