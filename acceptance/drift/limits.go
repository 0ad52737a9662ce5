package main

import "math"

// A unit is what a limit counts.
type unit int

const (
	size   unit = iota // of a number
	length             // characters of a string
	items              // of an array
)

var units = [...]string{"value", "length", "number of items"}

// A limit is a limit of what the SDK sends: it refuses other values, or leaves out an
// empty one.
type limit struct {
	place    string // "query.limit", "body.client_ref"
	unit     unit
	min, max float64
}

// unlimited is the maximum of a limit that has none.
var unlimited = math.Inf(1)

// The limits of the SDK.
var (
	limitOfPages       = limit{"query.limit", size, 1, 500}
	limitOfClientRef   = limit{"body.client_ref", length, 1, 255}
	limitOfCallbackURL = limit{"body.callback_url", length, 1, 2048}
	limitOfBatch       = limit{"body.input", items, 1, 100}
	limitOfFilename    = limit{"body.filename", length, 1, 500}
	limitOfMIMEType    = limit{"body.mime_type", length, 1, 255}
	limitOfSize        = limit{"body.size_bytes", size, 1, 52_428_800}
	limitOfReferences  = limit{"body.reference_images", items, 0, 4}
	limitOfReason      = limit{"body.reason", length, 1, 2000}
	limitOfTaskType    = limit{"body.task_type", length, 1, unlimited}
	limitOfName        = limit{"body.name", length, 1, unlimited}
	limitOfLabel       = limit{"body.label", length, 1, 255}
	limitOfThreshold   = limit{"body.low_balance_threshold", size, 0, unlimited}
)
