package apitest

// Shape is how an answer of files.list is written. The zero value is the form of the documentation's
// example; the fields are independent of each other. Shapes names the ones worth testing.
type Shape struct {
	Data    DataForm
	Nothing NothingForm
	Key     KeyForm
	Node    NodeForm
	Members MemberOrder
	Files   FilesForm
	Loaded  LoadedForm
	Number  NumberForm

	// NumericNames writes file names that read as a decimal int as JSON numbers.
	NumericNames bool
	// OmitFiles leaves __files out where it would be empty.
	OmitFiles bool
	// NullFiles writes null where __files would be empty.
	NullFiles bool
	// RootUnmarked leaves out the asked folder's __is_loaded where it is 1.
	RootUnmarked bool
	// Unmarked leaves out every __is_loaded that is 1.
	Unmarked bool
	// EmptyList writes sub-folders without any entry as [].
	EmptyList bool
	// SkippedList writes skipped sub-folders as [], without a mark.
	SkippedList bool
	// SkippedFiles gives skipped folders an empty __files beside their mark.
	SkippedFiles bool
	// CutWhole marks every whole sub-folder that has files as cut at its very end, as the folder of the
	// documentation's example is: -1, with an __offset equal to its __file_count.
	CutWhole bool
	// NullMarks gives folders that are not cut an __offset and a __file_count of null.
	NullMarks bool
	// Meta adds members that no documentation knows, with names that begin with "__".
	Meta bool
	// Unescaped writes slashes and all characters above ASCII as they are.
	Unescaped bool
	// CodeNumber writes failure codes as JSON numbers: "0003" becomes 3.
	CodeNumber bool
	// HandleFloat writes handle_time as a number, where otherwise it is a string with a unit.
	HandleFloat bool
	// Lead comes before the JSON: a byte order mark, white space.
	Lead string
}

// DataForm is what data is.
type DataForm int

// The forms of data.
const (
	DataMap  DataForm = iota // {path: node}
	DataList                 // [{path: node}]
)

// NothingForm is what data is for a path that the service does not know.
type NothingForm int

// The forms of nothing.
const (
	NothingList    NothingForm = iota // []
	NothingNull                       // null
	NothingText                       // ""
	NothingFalse                      // false
	NothingMissing                    // no data at all
)

// KeyForm is how data names the asked folder.
type KeyForm int

// The forms of the key under data, for the folder sestore4/jb.
const (
	KeyPath     KeyForm = iota // "sestore4/jb"
	KeyLeading                 // "/sestore4/jb"
	KeyTrailing                // "sestore4/jb/"
	KeyDoubled                 // "sestore4//jb"
	KeyLast                    // "jb"
	KeyNested                  // {"sestore4": {"jb": node}}
)

// NodeForm is what a folder is.
type NodeForm int

// The forms of a folder.
const (
	NodeWrapped NodeForm = iota // [{…}]
	NodePlain                   // {…}
	NodeSeveral                 // [{sub-folders}, {files}, {marks}]
	NodeMixed                   // [[], {…}, []]
)

// MemberOrder is the order of the members of a folder.
type MemberOrder int

// The orders of members.
const (
	FoldersFilesMarks MemberOrder = iota
	FilesFoldersMarks
	MarksFilesFolders
	FilesMarksFolders
)

// FilesForm is what __files is.
type FilesForm int

// The forms of __files.
const (
	FilesList       FilesForm = iota // ["a", "b"]
	FilesGaps                        // {"1": "a", "3": "b"}
	FilesKeyTrue                     // {"a": true, "b": true}
	FilesKeyOne                      // {"a": 1, "b": 1}
	FilesKeyNull                     // {"a": null, "b": null}
	FilesKeyDetails                  // {"a": {"size": …}, …}
	FilesNames                       // [{"name": "a"}, …]
	FilesPaths                       // [{"path": "sestore4/jb/a"}, …]
	FilesFull                        // ["sestore4/jb/a", …]
	FilesSingle                      // "a" where there is exactly one, else a list
)

// LoadedForm is what __is_loaded is.
type LoadedForm int

// The forms of __is_loaded.
const (
	LoadedInt  LoadedForm = iota // 1, 0, -1
	LoadedText                   // "1", "0", "-1"
	LoadedBool                   // true, false, -1
)

// NumberForm is what __offset and __file_count are.
type NumberForm int

// The forms of numbers.
const (
	NumberInt   NumberForm = iota // 12
	NumberText                    // "12"
	NumberFloat                   // 12.0
)
