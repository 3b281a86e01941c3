package dev.backstep.job.definition;

import static dev.backstep.domain.SourceDefinition.ALLOW_EMPTY;
import static dev.backstep.domain.SourceDefinition.SELECT_NAME;
import static dev.backstep.domain.SourceDefinition.SELECT_TAG;
import static dev.backstep.domain.SourceDefinition.SELECT_TITLE;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads whether a source names one VM or selects several, and by what. */
final class SelectionReader {

  static final int LENGTH_MAX = 200;

  private static final String DOMAIN = "domain";
  private static final List<String> SELECTORS = List.of(SELECT_NAME, SELECT_TITLE, SELECT_TAG);

  /** One word, for a domain's tags stand in one text. */
  private static final String WORD = "[^\\s,\\p{Cc}]{1,100}";

  private final Fields fields;
  private final Map<String, String> settings;

  /**
   * @param settings where they are put
   */
  SelectionReader(Fields fields, Map<String, String> settings) {
    this.fields = fields;
    this.settings = settings;
  }

  void read() {
    keep(DOMAIN, fields.text(DOMAIN).flatMap(text -> text.line(LENGTH_MAX)));
    for (String selector : SELECTORS) {
      keep(
          selector,
          fields
              .text(selector)
              .flatMap(text -> selector.equals(SELECT_TAG) ? word(text) : text.line(LENGTH_MAX)));
    }
    Optional<Boolean> allowEmpty = fields.text(ALLOW_EMPTY).flatMap(Text::flag);
    keep(ALLOW_EMPTY, allowEmpty.filter(allowed -> allowed).map(String::valueOf));
    List<String> said = SELECTORS.stream().filter(fields::has).toList();
    if (fields.has(DOMAIN) == !said.isEmpty()) {
      fields.problem(
          "source 'libvirt' has "
              + (said.isEmpty() ? "nothing" : "'domain' and " + String.join(", ", said))
              + " to say which VM is meant; expected 'domain' for one, or at least one of "
              + String.join(", ", SELECTORS)
              + " for all that fit");
    } else if (said.isEmpty() && fields.has(ALLOW_EMPTY)) {
      fields.problem("'allow-empty' beside 'domain'; expected only with a selection");
    }
  }

  private static Optional<String> word(Text text) {
    if (text.value().matches(WORD)) {
      return Optional.of(text.value());
    }
    text.problem("one tag: 1 to 100 characters without spaces and commas");
    return Optional.empty();
  }

  private void keep(String name, Optional<String> value) {
    value.ifPresent(found -> settings.put(name, found));
  }
}
