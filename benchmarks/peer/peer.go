// Package peer is what the ways to rate a run have in common.
package peer

// Feedback is the body of the request.
type Feedback struct {
	IsPositive *bool   `json:"is_positive"`
	Reason     *string `json:"reason"`
}

// ThumbUp returns a good rating without a reason.
func ThumbUp() Feedback {
	up := true
	return Feedback{IsPositive: &up}
}
