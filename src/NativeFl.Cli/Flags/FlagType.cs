using System.Text.Json.Nodes;

namespace NativeFl.Cli.Flags;

/// <summary>How values of a type are read and written.</summary>
/// <param name="HelpName">What --help shows as the value, such as "N".</param>
/// <param name="Shape">What a value looks like.</param>
/// <param name="Parse">Text to value; throws what <see cref="FlagText.Error(string)"/> makes.</param>
/// <param name="Write">Value to JSON; null for "nothing".</param>
internal sealed record FlagType<T>(string HelpName, FlagShape Shape, Func<FlagText, T> Parse, Func<T, JsonNode?> Write);
