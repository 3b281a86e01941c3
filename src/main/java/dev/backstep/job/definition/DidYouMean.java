package dev.backstep.job.definition;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Finds the word that was probably meant. */
public final class DidYouMean {

  private static final int LENGTH_MAX = 60;

  private DidYouMean() {}

  /** {@code "; did you mean 'x'?"}, or nothing when no accepted word is near. */
  public static String hint(String found, Collection<String> accepted) {
    return nearest(found, accepted).map(word -> "; did you mean '" + word + "'?").orElse("");
  }

  private static Optional<String> nearest(String found, Collection<String> accepted) {
    if (found.isEmpty() || found.length() > LENGTH_MAX) {
      return Optional.empty();
    }
    String wanted = plain(found);
    int far = Math.max(1, wanted.length() / 3);
    return accepted.stream()
        .filter(word -> distance(wanted, plain(word)) <= far)
        .min(Comparator.comparingInt(word -> distance(wanted, plain(word))));
  }

  private static String plain(String word) {
    return word.toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Levenshtein's distance: letters to insert, delete or replace. */
  private static int distance(String from, String to) {
    int[] row = new int[to.length() + 1];
    for (int column = 0; column <= to.length(); column++) {
      row[column] = column;
    }
    for (int line = 1; line <= from.length(); line++) {
      int diagonal = row[0];
      row[0] = line;
      for (int column = 1; column <= to.length(); column++) {
        int replaced = diagonal + (from.charAt(line - 1) == to.charAt(column - 1) ? 0 : 1);
        diagonal = row[column];
        row[column] = Math.min(replaced, 1 + Math.min(row[column], row[column - 1]));
      }
    }
    return row[to.length()];
  }
}
