/**
 * The folder tree of images and manifests: layout, chains, atomic publish. Knows nothing of
 * sources.
 */
@NullMarked
package dev.backstep.repository;

import org.jspecify.annotations.NullMarked;
