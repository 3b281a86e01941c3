package dev.backstep;

/** Entry point: parses the command line first, starts Spring only for commands that need it. */
public final class Backstep {
  private Backstep() {}

  public static void main(String[] args) {}
}
