// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"sort"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// Field of a custom resource.
type Field struct {
	// Path with dots; the entries of a list are "[]" and those of a map "{}":
	// "spec.replica[].host", "status.topology{}.role".
	Path   string
	Schema apiextensionsv1.JSONSchemaProps
}

// Fields below a schema, each before those within it, siblings by name. The path
// of the schema itself goes before theirs.
func Fields(path string, schema *apiextensionsv1.JSONSchemaProps) []Field {
	var fields []Field
	switch {
	case schema.Items != nil && schema.Items.Schema != nil:
		return Fields(path+"[]", schema.Items.Schema)
	case schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil:
		return Fields(path+"{}", schema.AdditionalProperties.Schema)
	}
	names := make([]string, 0, len(schema.Properties))
	for name := range schema.Properties {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		property := schema.Properties[name]
		below := name
		if path != "" {
			below = path + "." + name
		}
		fields = append(fields, Field{below, property})
		fields = append(fields, Fields(below, &property)...)
	}
	return fields
}
