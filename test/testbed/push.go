// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// pushTimeout bounds a push of some hundred megabytes to the same disk.
const pushTimeout = 5 * time.Minute

// registryTag is where the testbed's registry keeps an image. The registry's host name in ref is
// left out: containerd asks the testbed's registry for images of every host.
func registryTag(ref name.Tag) (name.Tag, error) {
	return name.NewTag(registryAddress+"/"+ref.RepositoryStr()+":"+ref.TagStr(), name.Insecure)
}

// push sends the image to the testbed's registry, where it replaces one of the same name and tag.
func (b *builtImage) push(ctx context.Context) error {
	target, err := registryTag(b.ref)
	if err != nil {
		return fmt.Errorf("push %s: %w", b.ref, err)
	}
	ctx, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	if err := remote.Write(target, b.image, registryOptions(ctx)...); err != nil {
		return fmt.Errorf("push %s (see testbed logs registry): %w", b.ref, err)
	}
	return nil
}

// registryOptions lead to the registry from outside the namespace too.
func registryOptions(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(&http.Transport{DialContext: dialNetns, DisableKeepAlives: true}),
	}
}

// isPushed says whether the testbed's registry has an image of that name and tag. One that cannot
// be asked has none; pushing to it says why.
func isPushed(ctx context.Context, imageName string) bool {
	ref, err := name.NewTag(imageName)
	if err != nil {
		return false
	}
	target, err := registryTag(ref)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err = remote.Head(target, registryOptions(ctx)...)
	return err == nil
}

// pushStep makes and pushes an image that is only ever pulled.
func pushStep(ctx context.Context, p *progress, spec imageSpec) error {
	if !exists(netnsPath) {
		return errors.New("the testbed is down, so there is no registry to push to: testbed up")
	}
	return p.do("pushing image "+spec.ref, func(*step) error {
		image, err := newImage(spec, os.TempDir())
		if err != nil {
			return err
		}
		defer image.close()
		return image.push(ctx)
	})
}
