package runflowtest

import "net/http"

// A reference is an item of a reference list. The form of the items is not
// documented.
type reference struct {
	Code  string `json:"code"`
	Price string `json:"price,omitzero"`
}

// codes returns items with codes of type C.
func codes[C ~string](codes ...C) []reference {
	items := make([]reference, len(codes))
	for i, code := range codes {
		items[i].Code = string(code)
	}
	return items
}

// listReferences lists items. The form of its response is not documented.
func listReferences(items []reference) handler {
	return func(*http.Request, caller) (any, *problem) {
		return struct {
			page

			Items []reference `json:"items"`
		}{Items: items}, nil
	}
}

// findReference returns the item with a code.
func findReference(kind, code string, items []reference) (any, *problem) {
	for _, item := range items {
		if item.Code == code {
			return item, nil
		}
	}
	return nil, notFound(kind)
}
