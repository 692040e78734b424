package apitest

import "time"

// ContentOptions says how the download host sends contents. The zero value is nginx with plain files.
type ContentOptions struct {
	// NoRange answers every request with the whole file.
	NoRange bool
	// NoLength, with NoRange, does not say how long that is.
	NoLength bool
	// Validators are what an answer tells of the file's version.
	Validators Validators

	// FirstByte is how long every answer takes to begin.
	FirstByte time.Duration
	// BytesPerSecond limits all contents together, PerConnection each answer. Default 0: no limit. They
	// also hold for answers that are under way when they are set.
	BytesPerSecond, PerConnection int64
}

// Validators are the headers that tell versions of a file apart.
type Validators int

// The choices of validators.
const (
	ValidatorsBoth        Validators = iota // ETag and Last-Modified
	ValidatorETag                           // a strong ETag
	ValidatorWeakETag                       // an ETag that begins with W/
	ValidatorLastModified                   // Last-Modified
	ValidatorsNone
)
