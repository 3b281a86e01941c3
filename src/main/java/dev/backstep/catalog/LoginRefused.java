package dev.backstep.catalog;

/**
 * A caller's token was unknown or revoked.
 *
 * @param slowed whether it was refused because of the wrong ones that its address sent before
 */
public record LoginRefused(boolean slowed) {}
