"""Durations for people, in templates."""

from django import template

from dali.lib.web.admin import milliseconds

register = template.Library()
register.filter("milliseconds", milliseconds)
