using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeFl.DataRefinement;

/// <summary>What <see cref="InRunTraining"/> cannot go on without beside what it trains and the last validation gradient.</summary>
/// <param name="Before">The validation loss of the base.</param>
/// <param name="Loss">The validation loss at the last measurement.</param>
/// <param name="IsMeasured">Whether that measurement holds for the next step; if not, it is made anew.</param>
/// <param name="ValidationTokens">Token rows of the measurements so far.</param>
/// <param name="Drawn">By record, the steps that it was in.</param>
/// <param name="Credits">By record, then by validation block.</param>
internal sealed record InRunState(double Before, double Loss, bool IsMeasured, long ValidationTokens, int[] Drawn, double[] Credits)
{
    /// <summary>As text, with every bit of its numbers.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, InRunStateJson.Default.InRunState);

    /// <summary>The state of a text; null if it is none.</summary>
    public static InRunState? Parse(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, InRunStateJson.Default.InRunState);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>Source-generated JSON of <see cref="InRunState"/>.</summary>
[JsonSourceGenerationOptions(NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(InRunState))]
internal sealed partial class InRunStateJson : JsonSerializerContext;
