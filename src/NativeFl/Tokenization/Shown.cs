using System.Globalization;
using System.Text;

namespace NativeFl.Tokenization;

/// <summary>Foreign text as it may appear in a one-line message: quoted, short, without control characters.</summary>
internal static class Shown
{
    private const int Longest = 60;

    /// <summary>The text in quotes, cut where it is long.</summary>
    public static string Text(string text)
    {
        var shown = new StringBuilder("\"");
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, Longest)))
        {
            if (char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029')
                shown.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            else
                shown.Append(c);
        }

        return shown.Append(text.Length > Longest ? "…\"" : "\"").ToString();
    }
}
