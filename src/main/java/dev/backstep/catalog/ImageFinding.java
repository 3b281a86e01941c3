package dev.backstep.catalog;

/**
 * What a verification found wrong, with the image that it is about.
 *
 * @param number in the order of finding, of this image, from 1
 */
public record ImageFinding(VerifiedImage image, int number, FindingRow finding) {}
