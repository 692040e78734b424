package apitest

// NamedShape is a Shape with the name that tests know it by.
type NamedShape struct {
	Name  string
	Shape Shape
}

// Shapes returns the shapes that a client has to read alike, the default one first. "literal" is the
// documentation's example to the letter.
func Shapes() []NamedShape {
	return []NamedShape{
		{"default", Shape{}},
		{"literal", Shape{RootUnmarked: true, CutWhole: true}},
		{"plain", Shape{Node: NodePlain}},
		{"several", Shape{Node: NodeSeveral}},
		{"mixed", Shape{Node: NodeMixed}},
		{"data-list", Shape{Data: DataList}},
		{"data-list-plain", Shape{Data: DataList, Node: NodePlain}},
		{"nothing-null", Shape{Nothing: NothingNull}},
		{"nothing-text", Shape{Nothing: NothingText}},
		{"nothing-false", Shape{Nothing: NothingFalse}},
		{"nothing-missing", Shape{Nothing: NothingMissing}},
		{"key-leading", Shape{Key: KeyLeading}},
		{"key-trailing", Shape{Key: KeyTrailing}},
		{"key-doubled", Shape{Key: KeyDoubled}},
		{"key-last", Shape{Key: KeyLast}},
		{"key-nested", Shape{Key: KeyNested}},
		{"key-nested-plain", Shape{Key: KeyNested, Node: NodePlain}},
		{"members-files-first", Shape{Members: FilesFoldersMarks}},
		{"members-marks-first", Shape{Members: MarksFilesFolders}},
		{"members-folders-last", Shape{Members: FilesMarksFolders}},
		{"files-gaps", Shape{Files: FilesGaps}},
		{"files-key-true", Shape{Files: FilesKeyTrue}},
		{"files-key-one", Shape{Files: FilesKeyOne}},
		{"files-key-null", Shape{Files: FilesKeyNull}},
		{"files-key-details", Shape{Files: FilesKeyDetails}},
		{"files-names", Shape{Files: FilesNames}},
		{"files-paths", Shape{Files: FilesPaths}},
		{"files-full", Shape{Files: FilesFull}},
		{"files-single", Shape{Files: FilesSingle}},
		{"files-omitted", Shape{OmitFiles: true}},
		{"files-null", Shape{NullFiles: true}},
		{"numeric-names", Shape{NumericNames: true}},
		{"loaded-text", Shape{Loaded: LoadedText}},
		{"loaded-bool", Shape{Loaded: LoadedBool}},
		{"root-unmarked", Shape{RootUnmarked: true}},
		{"unmarked", Shape{Unmarked: true}},
		{"numbers-text", Shape{Number: NumberText}},
		{"numbers-float", Shape{Number: NumberFloat}},
		{"marks-null", Shape{NullMarks: true}},
		{"empty-list", Shape{EmptyList: true}},
		{"skipped-list", Shape{SkippedList: true}},
		{"skipped-files", Shape{SkippedFiles: true}},
		{"cut-whole", Shape{CutWhole: true}},
		{"meta", Shape{Meta: true}},
		{"unescaped", Shape{Unescaped: true}},
		{"code-number", Shape{CodeNumber: true, HandleFloat: true}},
		{"bom", Shape{Lead: "\ufeff"}},
		{"bom-space", Shape{Lead: "\ufeff\r\n \t\n"}},
		// Plain folders with as little as possible: sub-folders named 0, 1, 2 become a bare list.
		{"bare", Shape{Node: NodePlain, OmitFiles: true, Unmarked: true}},
		{"bare-wrapped", Shape{OmitFiles: true, Unmarked: true, EmptyList: true}},
		{"all-text", Shape{Node: NodePlain, Loaded: LoadedText, Number: NumberText, NumericNames: true, Members: MarksFilesFolders}},
	}
}

// ShapeNamed returns the shape of the given name.
func ShapeNamed(name string) (Shape, bool) {
	for _, s := range Shapes() {
		if s.Name == name {
			return s.Shape, true
		}
	}
	return Shape{}, false
}
