package apitest

// NamedV1 is a V1Options with the name that tests know it by.
type NamedV1 struct {
	Name string
	V1   V1Options
}

// V1Shapes returns the forms of v1's answers that a client has to read alike, the default one first.
func V1Shapes() []NamedV1 {
	return []NamedV1{
		{"default", V1Options{}},
		{"object", V1Options{Folder: FolderObject}},
		{"numbered", V1Options{Folder: FolderNumbered}},
		{"nested-numbered", V1Options{Nested: NestedNumbered}},
		{"object-nested-numbered", V1Options{Folder: FolderObject, Nested: NestedNumbered}},
		{"numbered-nested-numbered", V1Options{Folder: FolderNumbered, Nested: NestedNumbered}},
		{"flat", V1Options{Nested: NestedFlat}},
		{"object-flat", V1Options{Folder: FolderObject, Nested: NestedFlat}},
		{"numbered-flat", V1Options{Folder: FolderNumbered, Nested: NestedFlat}},
		{"from-folder", V1Options{Depth: DepthFromFolder}},
		{"from-folder-object", V1Options{Depth: DepthFromFolder, Folder: FolderObject}},
		{"from-folder-numbered", V1Options{Depth: DepthFromFolder, Folder: FolderNumbered}},
		{"from-folder-flat", V1Options{Depth: DepthFromFolder, Nested: NestedFlat}},
		{"from-folder-object-flat", V1Options{Depth: DepthFromFolder, Folder: FolderObject, Nested: NestedFlat}},
		{"empty-null", V1Options{EmptyContents: EmptyNull}},
		{"empty-list", V1Options{EmptyContents: EmptyList}},
		{"object-empty-null", V1Options{Folder: FolderObject, EmptyContents: EmptyNull}},
		{"object-empty-list", V1Options{Folder: FolderObject, EmptyContents: EmptyList}},
		// A folder that was not searched and one that holds nothing look alike here.
		{"from-folder-object-empty-list", V1Options{Depth: DepthFromFolder, Folder: FolderObject, EmptyContents: EmptyList}},
		{"size-number", V1Options{SizeNumber: true}},
		{"leading-slash", V1Options{LeadingSlash: true}},
		{"leading-slash-object", V1Options{LeadingSlash: true, RootParent: "/", Folder: FolderObject}},
		{"leading-slash-flat", V1Options{LeadingSlash: true, RootParent: "/", Nested: NestedFlat}},
		{"parent-slash", V1Options{RootParent: "/"}},
		{"parent-empty", V1Options{RootParent: EmptyParent}},
		{"parent-empty-flat", V1Options{RootParent: EmptyParent, Nested: NestedFlat}},
		{"word-folder", V1Options{FolderWord: "folder"}},
		{"words-capital", V1Options{FileWord: "File", FolderWord: "Directory", SymlinkWord: "Symlink"}},
		{"words-upper", V1Options{FileWord: "FILE", FolderWord: "FOLDER", SymlinkWord: "SYMLINK", Folder: FolderObject}},
		{"time-unix", V1Options{Time: TimeUnix}},
		{"time-text", V1Options{Time: TimeText}},
		{"time-unix-text", V1Options{Time: TimeUnixText}},
		{"time-metadata", V1Options{Time: TimeMetadata}},
		{"time-info", V1Options{Time: TimeInfo}},
		{"time-zero", V1Options{Time: TimeZero}},
		{"metadata-list", V1Options{MetadataList: true}},
		{"errors-objects", V1Options{ErrorsShape: ErrorsObjects}},
		{"errors-map", V1Options{ErrorsShape: ErrorsMap}},
		{"not-found-page", V1Options{NotFoundHTML: true}},
		{"oddest", V1Options{
			Folder: FolderNumbered, Nested: NestedNumbered, Depth: DepthFromFolder, EmptyContents: EmptyNull,
			SizeNumber: true, LeadingSlash: true, RootParent: "/", FolderWord: "folder", Time: TimeInfo,
			MetadataList: true, ErrorsShape: ErrorsMap,
		}},
	}
}

// V1ShapeNamed returns the form of the given name.
func V1ShapeNamed(name string) (V1Options, bool) {
	for _, s := range V1Shapes() {
		if s.Name == name {
			return s.V1, true
		}
	}
	return V1Options{}, false
}
