using System.Globalization;

namespace NativeFl.Cuda.Tests.Costs;

/// <summary>
/// An expression of a kernel's Cost lines, such as "s N C + 4 C ⌈N / 8⌉": what stands side by side is multiplied, ⌈ ⌉ and ⌊ ⌋ round,
/// ² squares, min, max and log₂ take their arguments in brackets.
/// </summary>
internal sealed class CostFormula
{
    private readonly string _text;
    private readonly IReadOnlyDictionary<string, double> _values;
    private int _at;

    private CostFormula(string text, IReadOnlyDictionary<string, double> values) => (_text, _values) = (text, values);

    /// <summary>What the expression is worth where its letters have these values.</summary>
    /// <exception cref="FormatException">It is no such expression, or a letter has no value; the message says where.</exception>
    public static double Evaluate(string text, IReadOnlyDictionary<string, double> values)
    {
        var formula = new CostFormula(text, values);
        double value = formula.Sum();
        return formula.Peek() == '\0' ? value : throw formula.Refusal("an operator");
    }

    private double Sum()
    {
        double value = Take('−') ? -Product() : Product();
        while (true)
        {
            if (Take('+')) value += Product();
            else if (Take('−')) value -= Product();
            else return value;
        }
    }

    private double Product()
    {
        double value = Factor();
        while (true)
        {
            if (Take('/')) value /= Factor();
            else if (Peek() is '(' or '⌈' or '⌊' or (>= '0' and <= '9') || char.IsLetter(Peek())) value *= Factor();
            else return value;
        }
    }

    private double Factor()
    {
        double value = Atom();
        return Take('²') ? value * value : value;
    }

    private double Atom()
    {
        if (Take('(')) return Closed(')');
        if (Take('⌈')) return Math.Ceiling(Closed('⌉'));
        if (Take('⌊')) return Math.Floor(Closed('⌋'));
        string word = Word();
        if (word.Length == 0) throw Refusal("a number or a letter");
        if (char.IsAsciiDigit(word[0])) return double.Parse(word, CultureInfo.InvariantCulture);
        if (word == "log" && Take('₂')) return Math.Log2(Take('(') ? Closed(')') : throw Refusal("("));
        if (word is "min" or "max")
        {
            if (!Take('(')) throw Refusal("(");
            double left = Sum(), right = Take(',') ? Closed(')') : throw Refusal(",");
            return word == "min" ? Math.Min(left, right) : Math.Max(left, right);
        }
        return _values.TryGetValue(word, out double value) ? value : throw new FormatException($"{_text}: no value for {word}");
    }

    private double Closed(char bracket)
    {
        double value = Sum();
        return Take(bracket) ? value : throw Refusal($"{bracket}");
    }

    private string Word()
    {
        Peek();
        int start = _at;
        while (_at < _text.Length && (char.IsLetter(_text[_at]) || char.IsAsciiDigit(_text[_at]) || _text[_at] is '_' or '.')) _at++;
        return _text[start.._at];
    }

    private char Peek()
    {
        while (_at < _text.Length && _text[_at] == ' ') _at++;
        return _at < _text.Length ? _text[_at] : '\0';
    }

    private bool Take(char expected)
    {
        if (Peek() != expected) return false;
        _at++;
        return true;
    }

    private FormatException Refusal(string expected) => new($"{_text}: expected {expected} at \"{_text[_at..]}\"");
}
