package apitest

// V1Options says how the v1 API answers. The zero value is a reading that the pages support; V1Shapes
// names the others that are worth testing.
type V1Options struct {
	// Folder is what data is for a folder.
	Folder V1Folder
	// Nested is how the answer tells what is in sub-folders.
	Nested V1Nested
	// Depth is what the number of option:recursive means.
	Depth V1Depth
	// EmptyContents is the contents of folders that were not searched. Those that were searched and
	// hold nothing have [].
	EmptyContents V1Empty

	// SizeNumber writes sizes as JSON numbers, where otherwise they are strings.
	SizeNumber bool
	// LeadingSlash begins paths with a slash: "/a/b" for "a/b".
	LeadingSlash bool
	// RootParent is the parent of what lies in the base directory. Default "."; EmptyParent is "".
	RootParent string
	// FileWord, FolderWord and SymlinkWord are the types' words. Default "file", "directory", "symlink".
	FileWord, FolderWord, SymlinkWord string

	// Time is where a file's time is told.
	Time V1Time
	// MetadataAsked gives metadata and info only to requests with option:metadata, where otherwise those
	// that Time and MetadataList bring about are always there.
	MetadataAsked bool
	// MetadataList writes metadata that holds nothing, as [].
	MetadataList bool

	// ShowDeleted lists deleted files too, with metadata that says so.
	ShowDeleted bool
	// Cap is how many objects one answer holds at most, at all depths together; those beyond are left
	// out without a word. Default 0: no limit.
	Cap int

	// NotFoundHTML answers unknown paths with a web server's page, under status 404.
	NotFoundHTML bool
	// ErrorsShape is how errors are written.
	ErrorsShape V1Errors
}

// EmptyParent is the RootParent that is written as "".
const EmptyParent = "\x00"

// V1Folder is what data is for a folder.
type V1Folder int

// The forms of a folder's answer.
const (
	FolderList     V1Folder = iota // [{…}, …]: the objects in it
	FolderObject                   // {…, "contents": […]}: the folder's own object
	FolderNumbered                 // {"1": {…}, "3": {…}}: the objects in it
)

// V1Nested is how the answer tells what is in sub-folders.
type V1Nested int

// The forms of sub-folders.
const (
	NestedContents V1Nested = iota // "contents": [{…}, …]
	// NestedFlat puts all objects of all depths into one list. Paths and parents tell where they belong;
	// only searched folders that hold nothing have contents.
	NestedFlat
	NestedNumbered // "contents": {"1": {…}, "3": {…}}
)

// V1Depth is what the number of option:recursive means.
type V1Depth int

// The meanings of a depth of n.
const (
	DepthBelow      V1Depth = iota // the folder's contents, and those of n levels of sub-folders
	DepthFromFolder                // 0 tells the folder's own object only, 1 its contents, and so on
)

// V1Empty is the contents of a folder that was not searched.
type V1Empty int

// The contents of folders that were not searched.
const (
	EmptyAbsent V1Empty = iota
	EmptyNull           // "contents": null
	EmptyList           // "contents": []
)

// V1Time is where a file's time is told.
type V1Time int

// The forms of a time.
const (
	TimeNone     V1Time = iota // nowhere: no page of v1 shows one
	TimeUnix                   // "modified": 1546300800
	TimeText                   // "modified_time": "2019-01-01 00:00:00"
	TimeUnixText               // "mtime": "1546300800"
	TimeMetadata               // "metadata": {"file_modified": "2019-01-01 00:00:00"}
	TimeInfo                   // "info": {"modified": "2019-01-01 00:00:00"}
	TimeZero                   // "modified_time": "0000-00-00 00:00:00"
)

// V1Errors is how errors are written.
type V1Errors int

// The forms of errors.
const (
	ErrorsText    V1Errors = iota // ["NOT_FOUND"]
	ErrorsObjects                 // [{"code": "NOT_FOUND", "message": "…"}]
	ErrorsMap                     // {"path": "NOT_FOUND"}
)
