package dev.backstep.source;

/**
 * Something that was looked at before a backup.
 *
 * @param good whether a backup can do with it
 * @param what what was looked at, in a few words
 * @param text what was found, and where it is not good, what to do
 */
public record SourceFinding(boolean good, String what, String text) {}
