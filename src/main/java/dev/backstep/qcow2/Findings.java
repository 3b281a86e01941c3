package dev.backstep.qcow2;

import java.util.ArrayList;
import java.util.List;

/** Collects what a check finds: counts all, keeps the first. Used by one thread. */
final class Findings {

  private final List<Finding> kept = new ArrayList<>();
  private long corruptions;
  private long leaks;

  void corruption(long offset, String found, String expected, String meaning) {
    corruptions++;
    keep(Finding.Severity.CORRUPTION, offset, found, expected, meaning);
  }

  void leak(long offset, String found, String expected, String meaning) {
    leaks++;
    keep(Finding.Severity.LEAK, offset, found, expected, meaning);
  }

  private void keep(
      Finding.Severity severity, long offset, String found, String expected, String meaning) {
    if (kept.size() < CheckResult.FINDINGS_MAX) {
      kept.add(new Finding(severity, offset, found, expected, meaning));
    }
  }

  List<Finding> kept() {
    return List.copyOf(kept);
  }

  long corruptions() {
    return corruptions;
  }

  long leaks() {
    return leaks;
  }
}
