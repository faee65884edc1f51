"""Forms of the knowledge base: a tip, with the parts of its value as fields, a price, and the sample prompt."""

import re
from typing import Any

from django import forms

from dali.lib.calls.answers.usage import Unit
from dali.lib.texts import comparable
from knowledgebase import vocabulary
from knowledgebase.models import Price, Tip

SAMPLE_PROMPT = "a lighthouse at dusk, oil on canvas"


class TipForm(forms.ModelForm[Tip]):
    """One tip. `guidance`, `addition`, `kinds` and `keywords` are stored in `value`."""

    provider = forms.ChoiceField()
    addition = forms.CharField(
        required=False,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text="Words to add to a prompt. A phrase is joined with a comma, a sentence with a full stop. "
        "Empty: the tip is only a note.",
    )
    guidance = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}),
        help_text="Advice for people who write prompts, and for a model that rewrites them. Not sent to the provider.",
    )
    kinds = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="The kinds of work that the tip applies to. None selected: all.",
    )
    keywords = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        help_text="The tip applies if the prompt contains one of these words or phrases. Separate them with commas or "
        "lines. Case does not matter. Empty: any prompt.",
    )

    class Meta:
        model = Tip
        fields = ("key", "provider", "enabled", "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        value = self.instance.value if isinstance(self.instance.value, dict) else {}
        names = {*vocabulary.providers(), *([self.instance.provider] if self.instance.provider else [])}
        kinds = [
            *vocabulary.kinds(),
            *(kind for kind in value.get("kinds", []) if kind not in vocabulary.kinds()),
        ]
        for field, choices in (("provider", sorted(names)), ("kinds", kinds)):
            if field in self.fields:
                self.fields[field].choices = [(name, name) for name in choices]  # type: ignore[attr-defined]
        for part in ("guidance", "addition", "kinds"):
            self.initial.setdefault(part, value.get(part, ""))
        self.initial.setdefault("keywords", ", ".join(value.get("keywords", [])))

    def clean_key(self) -> str:
        """A provider, a dot and a subject, in lower case."""
        key: str = self.cleaned_data["key"]
        if not vocabulary.TIP_KEY.fullmatch(key):
            raise forms.ValidationError(
                f"“{key}”: must be a provider, a dot and a subject in lower case, as in name.camera-language"
            )
        return key

    def clean_keywords(self) -> list[str]:
        """The keywords as a list without duplicates, in the order given."""
        given = re.split(r"[,\n]", self.cleaned_data["keywords"])
        found: dict[str, str] = {}
        for word in (" ".join(each.split()) for each in given if each.strip()):
            found.setdefault(comparable(word), word)
        return list(found.values())

    def clean(self) -> dict[str, Any]:
        """The key starts with the provider's name, and the tip has an addition or guidance."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        key, provider = cleaned.get("key", self.instance.key), cleaned.get("provider")
        if provider and key and not key.startswith(f"{provider}."):
            self.add_error(
                "provider",
                f"The key “{key}” is for {key.partition('.')[0]}; choose that provider or another key.",
            )
        if not cleaned.get("addition") and not cleaned.get("guidance"):
            self.add_error("addition", "Enter an addition, guidance or both.")
        return cleaned

    def save(self, commit: bool = True) -> Tip:  # noqa: FBT001, FBT002 - Django's signature
        """Stores the parts in `value` and keeps its other contents."""
        parts = {part: self.cleaned_data[part] for part in ("guidance", "addition", "kinds", "keywords")}
        kept = self.instance.value if isinstance(self.instance.value, dict) else {}
        self.instance.value = {**kept, **parts}
        return super().save(commit)


class SampleForm(forms.Form):
    """The sample prompt of the preview."""

    prompt = forms.CharField(
        max_length=32_000, widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})
    )
    kind = forms.ChoiceField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(kind, kind) for kind in vocabulary.kinds()]  # type: ignore[attr-defined]


class PriceForm(forms.ModelForm[Price]):
    """One price. Its unit is one of those in usage records."""

    unit = forms.ChoiceField(
        choices=[(unit.value, unit.value.replace("_", " ")) for unit in Unit],
        help_text="Tokens are priced per million. A tile has 512 x 512 pixels; partial tiles count as whole ones.",
    )

    class Meta:
        model = Price
        fields = (
            "service",
            "model",
            "unit",
            "usd",
            "per",
            "valid_from",
            "source",
            "read_on",
            "enabled",
        )
