// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"github.com/upmio/compose-operator/test/scorecard/bundle"
	"github.com/upmio/compose-operator/test/scorecard/report"
)

// examplesTimeout bounds the CEL rules of one example; their cost is limited too.
const examplesTimeout = 30 * time.Second

// examples: a kind has an example, and each of its examples is what the API server
// would store, with a status.
func examples(kind bundle.Kind) []report.Problem {
	name := kind.Description.Kind
	if len(kind.Examples) == 0 {
		return []report.Problem{{
			Error:      fmt.Sprintf("%s has no example", name),
			Suggestion: fmt.Sprintf("add a %s with spec and status to the annotation alm-examples (config/samples)", name),
		}}
	}
	schema, err := kind.Schema()
	if err != nil {
		return noSchema(kind, err)
	}
	validator, err := newExampleValidator(schema)
	if err != nil {
		return noSchema(kind, err)
	}
	var problems []report.Problem
	for _, example := range kind.Examples {
		which := fmt.Sprintf("%s: the example %q", name, example.GetName())
		if status, _, err := unstructured.NestedMap(example.Object, "status"); err != nil || len(status) == 0 {
			problems = append(problems, report.Problem{
				Error:      which + " has no status",
				Suggestion: fmt.Sprintf("%s: give the example %q the status of a set that is Ready", name, example.GetName()),
			})
		}
		ctx, cancel := context.WithTimeout(context.Background(), examplesTimeout)
		for _, err := range validator.validate(ctx, example) {
			problems = append(problems, report.Problem{
				Error:      fmt.Sprintf("%s: %s", which, err),
				Suggestion: fmt.Sprintf("%s: correct the example %q until kubectl apply --dry-run=server takes it", name, example.GetName()),
			})
		}
		cancel()
	}
	return problems
}

// strays: examples of kinds that the bundle does not own cannot be created by who installs it.
func strays(b *bundle.Bundle) []report.Problem {
	var problems []report.Problem
	for _, example := range b.Strays {
		problems = append(problems, report.Problem{
			Error:      fmt.Sprintf("%s does not own the kind of the example %s %s", b.Name, example.GroupVersionKind(), example.GetName()),
			Suggestion: fmt.Sprintf("remove the example %s from alm-examples, or correct its apiVersion and kind", example.GetName()),
		})
	}
	return problems
}

// exampleValidator does what the API server does with a new custom resource.
type exampleValidator struct {
	structural *structuralschema.Structural
	schema     validation.SchemaValidator
	// rules is nil when the schema has none.
	rules *cel.Validator
}

func newExampleValidator(schema *apiextensionsv1.JSONSchemaProps) (*exampleValidator, error) {
	internal := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(schema, internal, nil); err != nil {
		return nil, fmt.Errorf("convert the schema: %w", err)
	}
	structural, err := structuralschema.NewStructural(internal)
	if err != nil {
		return nil, fmt.Errorf("the schema is not structural: %w", err)
	}
	validator, _, err := validation.NewSchemaValidator(internal)
	if err != nil {
		return nil, fmt.Errorf("the schema: %w", err)
	}
	return &exampleValidator{
		structural: structural, schema: validator,
		rules: cel.NewValidator(structural, true, celconfig.PerCallLimit),
	}, nil
}

func (v *exampleValidator) validate(ctx context.Context, example *unstructured.Unstructured) field.ErrorList {
	var errs field.ErrorList
	object := example.DeepCopy().Object
	for _, reason := range apivalidation.NameIsDNSSubdomain(example.GetName(), false) {
		errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), example.GetName(), reason))
	}
	for _, path := range pruning.PruneWithOptions(object, v.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		errs = append(errs, field.Invalid(field.NewPath(path), "", "the CRD has no such field"))
	}
	defaulting.Default(object, v.structural)
	errs = append(errs, validation.ValidateCustomResource(nil, object, v.schema)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, v.structural, object)...)
	if len(errs) > 0 || v.rules == nil {
		// Rules may rely on what the schema promises.
		return errs
	}
	broken, _ := v.rules.Validate(ctx, nil, v.structural, object, nil, celconfig.RuntimeCELCostBudget)
	return append(errs, broken...)
}
