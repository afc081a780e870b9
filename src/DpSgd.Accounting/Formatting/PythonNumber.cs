using System.Globalization;

namespace DpSgd.Accounting;

/// <summary>
/// Numbers as Python writes them, which is how the field's statements of a guarantee are written. Always invariant.
/// </summary>
internal static class PythonNumber
{
    // No double that lies exactly halfway between two short decimals needs more digits than this to show it.
    private const int EnoughDigits = 40;

    /// <summary>Python's <c>repr</c>: the shortest digits that read back as the same number, as 18.0, 1e-05, 1e+16 or inf.</summary>
    /// <param name="value">Any number.</param>
    public static string Repr(double value)
    {
        if (!double.IsFinite(value))
            return NotFinite(value);
        var (negative, digits, exponent) = Shortest(value);
        return Sign(negative) + (exponent is < -4 or >= 16
            ? Scientific(digits, exponent)
            : WithOneDecimal(Fixed(digits, exponent)));
    }

    /// <summary>Python's <c>{:.Ng}</c>: so many significant digits, ties to even, without trailing zeros, as 0.563, 100, 1e-05 or inf.</summary>
    /// <param name="value">Any number.</param>
    /// <param name="significantDigits">How many digits, from 1 to 17.</param>
    public static string General(double value, int significantDigits) => General(value, significantDigits, Round);

    /// <summary>As <see cref="General(double, int)"/>, of the nearest decimal that is not below the value.</summary>
    /// <param name="value">Any number that is not negative.</param>
    /// <param name="significantDigits">How many digits, from 1 to 17.</param>
    public static string GeneralUp(double value, int significantDigits) => General(value, significantDigits, RoundUp);

    private static string General(double value, int significantDigits, Func<string, int, int, (string Digits, int Exponent)> round)
    {
        if (!double.IsFinite(value))
            return NotFinite(value);
        var (negative, digits, exponent) = Split(value.ToString($"E{EnoughDigits}", CultureInfo.InvariantCulture));
        (digits, exponent) = round(digits, exponent, significantDigits);
        digits = digits.TrimEnd('0').PadRight(1, '0');
        return Sign(negative) + (exponent < -4 || exponent >= significantDigits
            ? Scientific(digits, exponent)
            : Fixed(digits, exponent));
    }

    private static string NotFinite(double value) => double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";

    private static string Sign(bool negative) => negative ? "-" : "";

    /// <summary>The shortest digits, and the exponent of the first of them.</summary>
    private static (bool Negative, string Digits, int Exponent) Shortest(double value)
    {
        var parts = value.ToString("R", CultureInfo.InvariantCulture).TrimStart('-').Split('E');
        var whole = parts[0].Split('.')[0];
        var digits = parts[0].Replace(".", "", StringComparison.Ordinal);
        var leadingZeros = digits.Length - digits.TrimStart('0').Length;
        var exponent = whole.Length - 1 - leadingZeros + (parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0);
        return value == 0
            ? (double.IsNegative(value), "0", 0)
            : (value < 0, digits.Trim('0'), exponent);
    }

    private static (bool Negative, string Digits, int Exponent) Split(string scientific)
    {
        var parts = scientific.TrimStart('-').Split('E');
        var digits = parts[0].Replace(".", "", StringComparison.Ordinal);
        return (scientific[0] == '-', digits, int.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    private static (string Digits, int Exponent) Round(string digits, int exponent, int keep)
    {
        var kept = long.Parse(digits.AsSpan(0, keep), CultureInfo.InvariantCulture);
        var half = "5".PadRight(digits.Length - keep, '0');
        var above = string.CompareOrdinal(digits[keep..], half);
        if (above > 0 || (above == 0 && long.IsOddInteger(kept)))
            kept++;
        return Carried(kept, exponent, keep);
    }

    private static (string Digits, int Exponent) RoundUp(string digits, int exponent, int keep)
    {
        var kept = long.Parse(digits.AsSpan(0, keep), CultureInfo.InvariantCulture);
        return Carried(digits.AsSpan(keep).ContainsAnyExcept('0') ? kept + 1 : kept, exponent, keep);
    }

    private static (string Digits, int Exponent) Carried(long kept, int exponent, int keep)
    {
        var rounded = kept.ToString(CultureInfo.InvariantCulture).PadLeft(keep, '0');

        // 9.996 becomes 10.00: one digit more, which is a zero.
        return rounded.Length > keep ? (rounded[..keep], exponent + 1) : (rounded, exponent);
    }

    private static string Scientific(string digits, int exponent)
    {
        var mantissa = digits.Length > 1 ? $"{digits[0]}.{digits[1..]}" : digits;
        var size = Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture);
        return $"{mantissa}e{(exponent < 0 ? '-' : '+')}{size}";
    }

    private static string Fixed(string digits, int exponent)
    {
        if (exponent < 0)
            return "0." + new string('0', -exponent - 1) + digits;
        var whole = digits.PadRight(exponent + 1, '0');
        return whole.Length == exponent + 1 ? whole : $"{whole[..(exponent + 1)]}.{whole[(exponent + 1)..]}";
    }

    private static string WithOneDecimal(string number) => number.Contains('.', StringComparison.Ordinal) ? number : number + ".0";
}
